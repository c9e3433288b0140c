import type { EventOf } from '../../domain/events.ts';
import { builder } from '../builder.ts';
import { loadRequired } from '../loaders.ts';
import { Node } from '../node.ts';
import { AttachmentType, CompactionType } from '../object-types.ts';
import { RunError, RunState } from '../run/run.ts';
import { TapeEvent } from './tape-event.ts';

builder.objectRef<EventOf<'input'>>('InputEvent').implement({
  description: 'A message: the one that started the run, or one that was steered into it.',
  interfaces: [Node, TapeEvent],
  fields: (t) => ({
    text: t.string({ description: 'Text of the message.', resolve: ({ payload }) => payload.text }),
    steered: t.boolean({
      description: 'Whether it was steered into a run that had already started.',
      resolve: ({ payload }) => payload.steered,
    }),
    attachments: t.field({
      type: [AttachmentType],
      description: 'The attachments of the message, in its order.',
      resolve: async ({ payload, runId, seq }, _args, { loaders }) => {
        if (!payload.attachments) return [];
        return (await loaders.attachmentsOfRun.load(runId)).filter(({ messageSeq }) => messageSeq === seq);
      },
    }),
  }),
});

builder.objectRef<EventOf<'status'>>('StatusEvent').implement({
  description: "A transition of the run's state. Each transition has exactly one such event.",
  interfaces: [Node, TapeEvent],
  fields: (t) => ({
    from: t.field({
      type: RunState,
      nullable: true,
      description: 'State before the transition; null in the first one, which makes the run PENDING.',
      resolve: ({ payload }) => payload.from,
    }),
    to: t.field({
      type: RunState,
      description: 'State after the transition.',
      resolve: ({ payload }) => payload.to,
    }),
    reason: t.string({
      nullable: true,
      description: 'Why the state changed; null if no reason was given.',
      resolve: ({ payload }) => payload.reason,
    }),
    error: t.field({
      type: RunError,
      nullable: true,
      description: 'Why the run failed; null unless `to` is FAILED.',
      resolve: ({ payload }) => payload.error,
    }),
  }),
});

builder.objectRef<EventOf<'compaction'>>('CompactionEvent').implement({
  description: 'Older history was summarised.',
  interfaces: [Node, TapeEvent],
  fields: (t) => ({
    artifact: t.field({
      type: CompactionType,
      description: 'The stored summary.',
      resolve: ({ payload }, _args, { loaders }) => loadRequired(loaders, 'compaction', payload.artifactId),
    }),
  }),
});

builder.objectRef<EventOf<'resumption'>>('ResumptionEvent').implement({
  description:
    "The run was resumed because its executor was lost or stopped, or because the model's answer broke off. The named step starts over: discard its deltas.",
  interfaces: [Node, TapeEvent],
  fields: (t) => ({
    attempt: t.int({
      description:
        'How many times the run has been resumed, this time included; if an answer broke off, how many times that happened in this step.',
      resolve: ({ payload }) => payload.attempt,
    }),
    step: t.int({
      description: 'Number of the model call that starts over.',
      resolve: ({ payload }) => payload.step,
    }),
    reason: t.string({
      description: 'Why it was resumed, in words for a person.',
      resolve: ({ payload }) => payload.reason,
    }),
  }),
});
