import { type Forgotten, forget, type Remembered, remember } from '../../application/memories.ts';
import { type UpdatedMemory, updateMemory } from '../../application/update-memory.ts';
import { builder } from '../builder.ts';
import { loadRequired } from '../loaders.ts';
import { MemoryType } from '../object-types.ts';
import { defineResult, idempotencyKeyDescription, perform } from '../refusals.ts';

const RememberInput = builder.inputType('RememberInput', {
  description: 'A fact to store.',
  fields: (t) => ({
    text: t.string({ required: true, description: 'The fact.' }),
    tags: t.stringList({ description: 'Tags of the memory.' }),
    sessionId: t.id({ description: 'Id of the session in which it is used; all sessions if omitted.' }),
    expiresInSeconds: t.int({ description: 'When it expires, in seconds from now; never if omitted.' }),
    idempotencyKey: t.string({ description: idempotencyKeyDescription }),
  }),
});

const RememberSuccess = builder.objectRef<Remembered>('RememberSuccess').implement({
  description: 'The fact is stored.',
  fields: (t) => ({
    memory: t.field({
      type: MemoryType,
      description: 'The new memory, or the updated one if the same fact was stored before.',
      resolve: ({ memoryId }, _args, { loaders }) => loadRequired(loaders, 'memory', memoryId),
    }),
  }),
});

const RememberResult = defineResult('RememberResult', RememberSuccess, [
  'not-found',
  'conflict',
  'invalid-input',
  'limit-exceeded',
]);

const ForgetInput = builder.inputType('ForgetInput', {
  description: 'The memory to delete.',
  fields: (t) => ({ memoryId: t.id({ required: true, description: 'Id of the memory.' }) }),
});

const ForgetSuccess = builder.objectRef<Forgotten>('ForgetSuccess').implement({
  description: 'The memory was deleted.',
  fields: (t) => ({
    forgottenMemoryId: t.id({ description: 'Id of the deleted memory.', resolve: ({ memoryId }) => memoryId }),
  }),
});

const ForgetResult = defineResult('ForgetResult', ForgetSuccess, ['not-found']);

const UpdateMemoryInput = builder.inputType('UpdateMemoryInput', {
  description: 'Changes to a memory: a text, tags, or both. What is omitted or null stays unchanged.',
  fields: (t) => ({
    memoryId: t.id({ required: true, description: 'Id of a memory that has not expired.' }),
    text: t.string({ description: 'New text of the fact. No other memory of the same scope may state the same fact.' }),
    tags: t.stringList({ description: 'New tags, which replace all tags of the memory.' }),
  }),
});

const UpdateMemorySuccess = builder.objectRef<UpdatedMemory>('UpdateMemorySuccess').implement({
  description: 'The memory was changed.',
  fields: (t) => ({
    memory: t.field({
      type: MemoryType,
      description: 'The changed memory.',
      resolve: ({ memoryId }, _args, { loaders }) => loadRequired(loaders, 'memory', memoryId),
    }),
  }),
});

const UpdateMemoryResult = defineResult('UpdateMemoryResult', UpdateMemorySuccess, ['not-found', 'invalid-input']);

builder.mutationFields((t) => ({
  remember: t.field({
    type: RememberResult,
    description:
      'Stores a fact for all sessions of the viewer, or for one. If the same fact is already stored there, its memory is updated.',
    args: { input: t.arg({ type: RememberInput, required: true, description: 'The fact.' }) },
    resolve: (_root, { input }, context) => perform(context, remember(context.commands, context.viewer, input)),
  }),
  updateMemory: t.field({
    type: UpdateMemoryResult,
    description: 'Changes text or tags of a memory. Searches find it by its new words.',
    args: { input: t.arg({ type: UpdateMemoryInput, required: true, description: 'The changes.' }) },
    resolve: (_root, { input }, context) => perform(context, updateMemory(context.commands, context.viewer, input)),
  }),
  forget: t.field({
    type: ForgetResult,
    description: 'Deletes a memory. Tapes keep the record that it was shown.',
    args: { input: t.arg({ type: ForgetInput, required: true, description: 'The memory to delete.' }) },
    resolve: (_root, { input }, context) => perform(context, forget(context.commands, context.viewer, input)),
  }),
}));
