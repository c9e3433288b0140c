import type { EventOf } from '../../domain/events.ts';
import { builder } from '../builder.ts';
import type { GraphqlContext } from '../context.ts';
import { Node } from '../node.ts';
import { CompactionType, MemoryType } from '../object-types.ts';
import { Usage } from '../run/usage.ts';
import { TapeEvent } from './tape-event.ts';

/**
 * Declared with one parameter, because `completeList` leaves resolvers that use more to graphql-js. It leaves promises to it as
 * well, so a page without large answers stays fast.
 */
function wholeText({ payload: { text, storedText } }: EventOf<'output'>, ...[, context]: [object, GraphqlContext]) {
  if (storedText === null) return text;
  return context.loaders.storedText.load(storedText.id).then((whole) => whole ?? text);
}

const STEP = 'Number of the model call: 1, 2, 3, … within the run.';

builder.objectRef<EventOf<'context'>>('ContextEvent').implement({
  description: 'What the model was shown in one step, by reference. `Run.contextAt` rebuilds it.',
  interfaces: [Node, TapeEvent],
  fields: (t) => ({
    step: t.int({ description: STEP, resolve: ({ payload }) => payload.step }),
    model: t.string({ description: 'Name of the model.', resolve: ({ payload }) => payload.model }),
    estimatedTokens: t.int({
      description: 'Size of the request in tokens, estimated before it was sent.',
      resolve: ({ payload }) => payload.estimatedTokens,
    }),
    memories: t.field({
      type: [MemoryType],
      description:
        'The memories that were shown, without those that were deleted since. `payload` has the ids and scores of all.',
      resolve: async ({ payload }, _args, { loaders }) => {
        const memories = await Promise.all(payload.memories.map(({ id }) => loaders.memory.load(id)));
        return memories.filter((memory) => memory !== null);
      },
    }),
    compaction: t.field({
      type: CompactionType,
      nullable: true,
      description: 'The summary that replaced older history; null if there was none.',
      resolve: ({ payload: { artifactId } }, _args, { loaders }) =>
        artifactId === null ? null : loaders.compaction.load(artifactId),
    }),
    failedCompaction: t.string({
      nullable: true,
      description:
        'Why a summary that was requested for this step could not be used; null if none failed. After two failures the run continues without a new summary.',
      resolve: ({ payload }) => payload.failedCompaction?.reason ?? null,
    }),
  }),
});

builder.objectRef<EventOf<'thought'>>('ThoughtEvent').implement({
  description: "A part of the model's reasoning, if its provider returns it.",
  interfaces: [Node, TapeEvent],
  fields: (t) => ({
    step: t.int({ description: STEP, resolve: ({ payload }) => payload.step }),
    text: t.string({ description: 'Text of this part.', resolve: ({ payload }) => payload.text }),
  }),
});

builder.objectRef<EventOf<'output_delta'>>('OutputDeltaEvent').implement({
  description:
    'A part of an answer, in the order in which the model generated it. Parts that are ready at the same time become one event.',
  interfaces: [Node, TapeEvent],
  fields: (t) => ({
    step: t.int({ description: STEP, resolve: ({ payload }) => payload.step }),
    text: t.string({ description: 'Text of this part.', resolve: ({ payload }) => payload.text }),
  }),
});

builder.objectRef<EventOf<'output'>>('OutputEvent').implement({
  description: 'End of one model call: its complete text and its usage. Its tool calls follow as events of their own.',
  interfaces: [Node, TapeEvent],
  fields: (t) => ({
    step: t.int({ description: STEP, resolve: ({ payload }) => payload.step }),
    text: t.string({
      description:
        'The complete text, which equals the joined deltas of the step. `payload` has its beginning alone if it is larger than 192 KiB.',
      resolve: wholeText,
    }),
    finishReason: t.string({
      description:
        'Why the model stopped, as its provider reports it, or `gateway-limit` if the gateway cut off the answer at `limits.answerBytes`.',
      resolve: ({ payload }) => payload.finishReason,
    }),
    refusal: t.string({
      nullable: true,
      description:
        'What the model said instead of answering, or after it stopped answering; null if it did not refuse.',
      resolve: ({ payload }) => payload.refusal,
    }),
    model: t.string({
      description: 'Name of the model that answered: the requested model or one of its fallbacks.',
      resolve: ({ payload }) => payload.model,
    }),
    responseId: t.string({
      nullable: true,
      description: "The provider's id of the answer; null if it has none.",
      resolve: ({ payload }) => payload.responseId,
    }),
    usage: t.field({
      type: Usage,
      description: 'Usage of this call.',
      resolve: ({ payload: { usage } }) => ({ ...usage, inputTokens: usage.input, outputTokens: usage.output }),
    }),
  }),
});
