import type { EventOf } from '../../domain/events.ts';
import { builder } from '../builder.ts';
import { present } from '../public-errors.ts';
import { RunState } from '../run/run.ts';
import { RunError } from '../run/run-error.ts';
import { CompactionArtifactType } from '../session/compaction-artifact.ts';
import { TapeEvent } from './tape-event.ts';

builder.objectRef<EventOf<'input'>>('InputEvent').implement({
  description: 'A message: the one that began the run, or one that was steered into it.',
  interfaces: [TapeEvent],
  fields: (t) => ({
    text: t.string({ description: 'What it says.', resolve: ({ payload }) => payload.text }),
    steered: t.boolean({
      description: 'True when it was steered into a run under way.',
      resolve: ({ payload }) => payload.steered,
    }),
  }),
});

builder.objectRef<EventOf<'status'>>('StatusEvent').implement({
  description: "One for every transition of the run's state, and for nothing else.",
  interfaces: [TapeEvent],
  fields: (t) => ({
    from: t.field({
      type: RunState,
      nullable: true,
      description: 'The state before. Null on the first one, which makes the run PENDING.',
      resolve: ({ payload }) => payload.from,
    }),
    to: t.field({ type: RunState, description: 'The state from now on.', resolve: ({ payload }) => payload.to }),
    reason: t.string({
      nullable: true,
      description: 'Why, where somebody said so.',
      resolve: ({ payload }) => payload.reason,
    }),
    error: t.field({
      type: RunError,
      nullable: true,
      description: 'How it came to fail; null unless FAILED.',
      resolve: ({ payload }) => payload.error,
    }),
  }),
});

builder.objectRef<EventOf<'compaction'>>('CompactionEvent').implement({
  description: 'Older history was summarised.',
  interfaces: [TapeEvent],
  fields: (t) => ({
    artifact: t.field({
      type: CompactionArtifactType,
      description: 'The summary.',
      resolve: ({ payload: { artifactId: id } }, _args, { loaders }) =>
        present(loaders.artifact.load(id), 'artifact', id),
    }),
  }),
});

builder.objectRef<EventOf<'resumption'>>('ResumptionEvent').implement({
  description:
    'The run was taken up again: its executor was lost or stopped, or the answer broke off. The step named here starts over: drop the deltas of it.',
  interfaces: [TapeEvent],
  fields: (t) => ({
    attempt: t.int({
      description: 'How often that has happened: to the run, or, where an answer broke off, to its step.',
      resolve: ({ payload }) => payload.attempt,
    }),
    step: t.int({ description: 'The step that starts over.', resolve: ({ payload }) => payload.step }),
    reason: t.string({ description: 'How that came about.', resolve: ({ payload }) => payload.reason }),
  }),
});
