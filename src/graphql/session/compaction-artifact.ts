import type { CompactionRow } from '../../repositories/compactions.ts';
import { builder } from '../builder.ts';
import { defineConnection, defineEdge } from '../connection/connections.ts';
import { Node } from '../node.ts';
import { present } from '../public-errors.ts';
import { RunType } from '../run/run.ts';
import { Usage } from '../run/usage.ts';
import { SessionType } from './session.ts';

const CompactionTrigger = builder.enumType('CompactionTrigger', {
  description: 'What made the gateway summarise.',
  values: {
    MANUAL: { description: 'Somebody asked for it.' },
    THRESHOLD: { description: "The history came close to the model's window." },
    OVERFLOW: { description: 'The history did not fit any more.' },
  },
});

const TapePosition = builder.simpleObject('TapePosition', {
  description: 'One event, by its place.',
  fields: (t) => ({
    runId: t.id({ description: 'The run whose tape it is on.' }),
    seq: t.int({ description: 'Its seq on that tape.' }),
  }),
});

export const CompactionArtifactType = builder.objectRef<CompactionRow>('CompactionArtifact');

CompactionArtifactType.implement({
  description:
    'A stored summary that stands for older history when the model is shown it. The originals stay on the tapes.',
  interfaces: [Node],
  fields: (t) => ({
    session: t.field({
      type: SessionType,
      description: 'The session whose history it is.',
      resolve: ({ sessionId: id }, _args, { loaders }) => present(loaders.session.load(id), 'session', id),
    }),
    trigger: t.expose('trigger', { type: CompactionTrigger, description: 'What made the gateway summarise.' }),
    summary: t.exposeString('summary', { description: 'What the model is shown instead.' }),
    from: t.field({
      type: TapePosition,
      description: 'First event that it stands for.',
      resolve: ({ fromRunId: runId, fromSeq: seq }) => ({ runId, seq }),
    }),
    to: t.field({
      type: TapePosition,
      description: 'Last event that it stands for.',
      resolve: ({ toRunId: runId, toSeq: seq }) => ({ runId, seq }),
    }),
    eventCount: t.exposeInt('eventCount', { description: 'How many events it stands for.' }),
    tokensBefore: t.exposeInt('tokensBefore', { description: 'Tokens of what it stands for.' }),
    tokensAfter: t.exposeInt('tokensAfter', { description: 'Tokens of the summary.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    run: t.field({
      type: RunType,
      nullable: true,
      description: 'The run that made it necessary, whose tape tells of it; null where somebody asked for it.',
      resolve: ({ runId }, _args, { loaders }) => (runId === null ? null : loaders.run.load(runId)),
    }),
    previous: t.field({
      type: CompactionArtifactType,
      nullable: true,
      description: 'The summary that it builds on; null for a first one.',
      resolve: ({ previousId }, _args, { loaders }) => (previousId === null ? null : loaders.artifact.load(previousId)),
    }),
    model: t.exposeString('model', { description: 'Name of the model that wrote it.' }),
    usage: t.field({
      type: Usage,
      description: "What writing it used; not part of a run's usage, which is that of its answers.",
      resolve: ({ usageEstimated: estimated, ...artifact }) => ({ ...artifact, estimated }),
    }),
  }),
});

const ArtifactEdge = defineEdge('CompactionArtifact', 'compactions', CompactionArtifactType);

export const CompactionArtifactConnection = defineConnection(
  'CompactionArtifact',
  'compactions',
  CompactionArtifactType,
  ArtifactEdge,
);
