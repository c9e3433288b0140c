import { builder } from '../builder.ts';
import { defineConnection, defineEdge } from '../connection/connections.ts';
import { loadRequired } from '../loaders.ts';
import { Node } from '../node.ts';
import { CompactionType, RunType, SessionType } from '../object-types.ts';
import { Usage } from '../run/usage.ts';

const CompactionTrigger = builder.enumType('CompactionTrigger', {
  description: 'What caused a compaction.',
  values: {
    MANUAL: { description: 'The mutation `compactSession`.' },
    THRESHOLD: { description: "The history came close to the size of the model's context window." },
    OVERFLOW: { description: "The history no longer fitted into the model's context window." },
  },
});

const TapePosition = builder.simpleObject('TapePosition', {
  description: 'Position of an event.',
  fields: (t) => ({
    runId: t.id({ description: 'Id of the run whose tape contains the event.' }),
    seq: t.int({ description: 'Seq of the event on that tape.' }),
  }),
});

CompactionType.implement({
  description: 'A stored summary that models are shown in place of older history. The history stays on the tapes.',
  interfaces: [Node],
  fields: (t) => ({
    session: t.field({
      type: SessionType,
      description: 'The session whose history it summarises.',
      resolve: ({ sessionId }, _args, { loaders }) => loadRequired(loaders, 'session', sessionId),
    }),
    trigger: t.expose('trigger', { type: CompactionTrigger, description: 'What caused it.' }),
    summary: t.exposeString('summary', { description: 'Text of the summary.' }),
    from: t.field({
      type: TapePosition,
      description: 'Position of the first event that it replaces.',
      resolve: ({ fromRunId: runId, fromSeq: seq }) => ({ runId, seq }),
    }),
    to: t.field({
      type: TapePosition,
      description: 'Position of the last event that it replaces.',
      resolve: ({ toRunId: runId, toSeq: seq }) => ({ runId, seq }),
    }),
    eventCount: t.exposeInt('eventCount', { description: 'Number of events that it replaces.' }),
    tokensBefore: t.exposeInt('tokensBefore', { description: 'Estimated tokens of what it replaces.' }),
    tokensAfter: t.exposeInt('tokensAfter', { description: 'Estimated tokens of the summary.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
    run: t.field({
      type: RunType,
      nullable: true,
      description: 'The run that caused it, whose tape records it; null if `compactSession` caused it.',
      resolve: ({ runId }, _args, { loaders }) => (runId === null ? null : loaders.run.load(runId)),
    }),
    previous: t.field({
      type: CompactionType,
      nullable: true,
      description: 'The earlier summary that it builds on; null if it is the first.',
      resolve: ({ previousId }, _args, { loaders }) =>
        previousId === null ? null : loaders.compaction.load(previousId),
    }),
    model: t.exposeString('model', { description: 'Name of the model that wrote it.' }),
    usage: t.field({
      type: Usage,
      description: 'Usage of writing it, which the usage of runs and sessions does not include.',
      resolve: ({ usageEstimated: estimated, ...compaction }) => ({ ...compaction, estimated }),
    }),
  }),
});

const CompactionEdge = defineEdge('CompactionArtifact', 'compactions', CompactionType);

export const CompactionConnection = defineConnection(
  'CompactionArtifact',
  'compactions',
  CompactionType,
  CompactionEdge,
);
