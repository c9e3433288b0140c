import type { EventOf } from '../../domain/events.ts';
import { builder } from '../builder.ts';
import { MemoryType } from '../memory/memory.ts';
import { Usage } from '../run/usage.ts';
import { CompactionArtifactType } from '../session/compaction-artifact.ts';
import { TapeEvent } from './tape-event.ts';

builder.objectRef<EventOf<'context'>>('ContextEvent').implement({
  description: 'What the model was shown for one step, by reference.',
  interfaces: [TapeEvent],
  fields: (t) => ({
    step: t.int({
      description: 'Which model call: 1, 2, 3, … within the run.',
      resolve: ({ payload }) => payload.step,
    }),
    model: t.string({ description: 'Name of the model.', resolve: ({ payload }) => payload.model }),
    estimatedTokens: t.int({
      description: 'How much that is, as estimated beforehand.',
      resolve: ({ payload }) => payload.estimatedTokens,
    }),
    memories: t.field({
      type: [MemoryType],
      description: 'The memories among it that still exist. `payload` names all of them, with their scores.',
      resolve: async ({ payload }, _args, { loaders }) => {
        const found = await Promise.all(payload.memories.map(({ id }) => loaders.memory.load(id)));
        return found.filter((memory) => memory !== null);
      },
    }),
    compaction: t.field({
      type: CompactionArtifactType,
      nullable: true,
      description: 'The summary that stood for older history; null where none was needed.',
      resolve: ({ payload: { artifactId } }, _args, { loaders }) =>
        artifactId === null ? null : loaders.artifact.load(artifactId),
    }),
    failedCompaction: t.string({
      nullable: true,
      description:
        'Why a summary that was asked for just before, to have room, could not be used; null where none failed. After two of them a run goes on without.',
      resolve: ({ payload }) => payload.failedCompaction?.reason ?? null,
    }),
  }),
});

builder.objectRef<EventOf<'thought'>>('ThoughtEvent').implement({
  description: 'A piece of what the model thought before it answered, where its provider shows that.',
  interfaces: [TapeEvent],
  fields: (t) => ({
    step: t.int({ description: 'Which model call.', resolve: ({ payload }) => payload.step }),
    text: t.string({ description: 'The piece.', resolve: ({ payload }) => payload.text }),
  }),
});

builder.objectRef<EventOf<'output_delta'>>('OutputDeltaEvent').implement({
  description: 'Text in the order the model produced it; pieces that became ready together are one event.',
  interfaces: [TapeEvent],
  fields: (t) => ({
    step: t.int({ description: 'Which model call.', resolve: ({ payload }) => payload.step }),
    text: t.string({ description: 'The piece.', resolve: ({ payload }) => payload.text }),
  }),
});

builder.objectRef<EventOf<'output'>>('OutputEvent').implement({
  description: 'Closes one model call: the whole text, what it asked for, what it used.',
  interfaces: [TapeEvent],
  fields: (t) => ({
    step: t.int({ description: 'Which model call.', resolve: ({ payload }) => payload.step }),
    text: t.string({
      description: 'The whole text: the deltas of the step joined.',
      resolve: ({ payload }) => payload.text,
    }),
    finishReason: t.string({
      description: 'Why the model stopped, as its provider says.',
      resolve: ({ payload }) => payload.finishReason,
    }),
    model: t.string({
      description: 'Name of the model that answered: the one that was asked for, or one of its fallbacks.',
      resolve: ({ payload }) => payload.model,
    }),
    responseId: t.string({
      nullable: true,
      description: "The provider's own id of the answer; null where it gives none.",
      resolve: ({ payload }) => payload.responseId,
    }),
    usage: t.field({
      type: Usage,
      description: 'What this call used.',
      resolve: ({ payload: { usage } }) => ({ ...usage, inputTokens: usage.input, outputTokens: usage.output }),
    }),
  }),
});
