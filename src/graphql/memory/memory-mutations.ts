import { type Forgotten, forget, type Remembered, remember } from '../../application/memories.ts';
import { builder } from '../builder.ts';
import { present } from '../public-errors.ts';
import { defineResult, perform } from '../refusals.ts';
import { MemoryType } from './memory.ts';

const RememberInput = builder.inputType('RememberInput', {
  description: 'A fact to store.',
  fields: (t) => ({
    text: t.string({ required: true, description: 'The fact.' }),
    tags: t.stringList({ description: 'Words to file it under.' }),
    sessionId: t.id({ description: 'Where it is shown; without it in every session.' }),
    expiresInSeconds: t.int({ description: 'For how long it is shown; without it for good.' }),
  }),
});

const RememberSuccess = builder.objectRef<Remembered>('RememberSuccess').implement({
  description: 'The fact is stored.',
  fields: (t) => ({
    memory: t.field({
      type: MemoryType,
      description: 'The memory: a new one, or that which said the same already.',
      resolve: ({ memoryId: id }, _args, { loaders }) => present(loaders.memory.load(id), 'memory', id),
    }),
  }),
});

const RememberResult = defineResult('RememberResult', RememberSuccess, [
  'not-found',
  'invalid-input',
  'limit-exceeded',
]);

const ForgetInput = builder.inputType('ForgetInput', {
  description: 'Which memory to delete.',
  fields: (t) => ({ memoryId: t.id({ required: true, description: 'Which memory.' }) }),
});

const ForgetSuccess = builder.objectRef<Forgotten>('ForgetSuccess').implement({
  description: 'The memory is gone.',
  fields: (t) => ({
    forgottenMemoryId: t.id({ description: 'The id that it had.', resolve: ({ memoryId }) => memoryId }),
  }),
});

const ForgetResult = defineResult('ForgetResult', ForgetSuccess, ['not-found']);

builder.mutationFields((t) => ({
  remember: t.field({
    type: RememberResult,
    description: 'Stores a fact. One that says the same in the same scope is brought up to date instead.',
    args: { input: t.arg({ type: RememberInput, required: true, description: 'The fact.' }) },
    resolve: (_root, { input }, context) => perform(context, remember(context.commands, context.viewer, input)),
  }),
  forget: t.field({
    type: ForgetResult,
    description: 'Deletes a memory. Where tapes say that it was shown, they go on saying so.',
    args: { input: t.arg({ type: ForgetInput, required: true, description: 'Which memory.' }) },
    resolve: (_root, { input }, context) => perform(context, forget(context.commands, context.viewer, input)),
  }),
}));
