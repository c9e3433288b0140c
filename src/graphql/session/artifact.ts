import { builder } from '../builder.ts';
import { defineConnection, defineEdge } from '../connection/connections.ts';
import { Node } from '../node.ts';
import { present } from '../public-errors.ts';
import { SessionType } from './session.ts';

interface Artifact {
  id: string;
  sessionId: string;
  trigger: 'MANUAL' | 'THRESHOLD' | 'OVERFLOW';
  summary: string;
  from: { runId: string; seq: number };
  to: { runId: string; seq: number };
  eventCount: number;
  tokensBefore: number;
  tokensAfter: number;
  createdAt: Date;
}

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

export const ArtifactType = builder.objectRef<Artifact>('CompactionArtifact').implement({
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
    from: t.expose('from', { type: TapePosition, description: 'First event that it stands for.' }),
    to: t.expose('to', { type: TapePosition, description: 'Last event that it stands for.' }),
    eventCount: t.exposeInt('eventCount', { description: 'How many events it stands for.' }),
    tokensBefore: t.exposeInt('tokensBefore', { description: 'Tokens of what it stands for.' }),
    tokensAfter: t.exposeInt('tokensAfter', { description: 'Tokens of the summary.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
  }),
});

const ArtifactEdge = defineEdge('CompactionArtifact', 'compactions', ArtifactType);

export const ArtifactConnection = defineConnection('CompactionArtifact', 'compactions', ArtifactType, ArtifactEdge);
