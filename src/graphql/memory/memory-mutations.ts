import { type Forgotten, forget, type Remembered, remember } from '../../application/memories.ts';
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

builder.mutationFields((t) => ({
  remember: t.field({
    type: RememberResult,
    description:
      'Stores a fact for all sessions of the viewer, or for one. If the same fact is already stored there, its memory is updated.',
    args: { input: t.arg({ type: RememberInput, required: true, description: 'The fact.' }) },
    resolve: (_root, { input }, context) => perform(context, remember(context.commands, context.viewer, input)),
  }),
  forget: t.field({
    type: ForgetResult,
    description: 'Deletes a memory. Tapes keep the record that it was shown.',
    args: { input: t.arg({ type: ForgetInput, required: true, description: 'The memory to delete.' }) },
    resolve: (_root, { input }, context) => perform(context, forget(context.commands, context.viewer, input)),
  }),
}));
