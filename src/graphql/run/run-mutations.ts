import { type CancelledRun, cancelRun } from '../../application/run/cancel-run.ts';
import { type RetriedRun, retryRun } from '../../application/run/retry-run.ts';
import { builder } from '../builder.ts';
import { present } from '../public-errors.ts';
import { defineResult, perform } from '../refusals.ts';
import { RunType } from './run.ts';

const RetryRunInput = builder.inputType('RetryRunInput', {
  description: 'Which run to repeat.',
  fields: (t) => ({ runId: t.id({ required: true, description: 'A run that has ended.' }) }),
});

const RetryRunSuccess = builder.objectRef<RetriedRun>('RetryRunSuccess').implement({
  description: 'The message runs again.',
  fields: (t) => ({
    run: t.field({
      type: RunType,
      description: 'The new run.',
      resolve: ({ runId: id }, _args, { loaders }) => present(loaders.run.load(id), 'run', id),
    }),
  }),
});

const RetryRunResult = defineResult('RetryRunResult', RetryRunSuccess, [
  'not-found',
  'invalid-transition',
  'session-busy',
  'limit-exceeded',
]);

const CancelRunInput = builder.inputType('CancelRunInput', {
  description: 'Which run to end.',
  fields: (t) => ({
    runId: t.id({ required: true, description: 'A run that has not ended.' }),
    reason: t.string({ description: 'Why, for whoever reads the tape.' }),
  }),
});

const CancelRunSuccess = builder.objectRef<CancelledRun>('CancelRunSuccess').implement({
  description: 'The run is cancelled.',
  fields: (t) => ({
    run: t.field({
      type: RunType,
      description: 'The run as it is now.',
      resolve: ({ runId: id }, _args, { loaders }) => present(loaders.run.load(id), 'run', id),
    }),
  }),
});

const CancelRunResult = defineResult('CancelRunResult', CancelRunSuccess, ['not-found', 'invalid-transition']);

builder.mutationFields((t) => ({
  retryRun: t.field({
    type: RetryRunResult,
    description: 'A new run with the same message, agent and model as a run that has ended.',
    args: { input: t.arg({ type: RetryRunInput, required: true, description: 'Which run.' }) },
    resolve: (_root, { input }, context) => perform(context, retryRun(context.commands, context.viewer, input)),
  }),
  cancelRun: t.field({
    type: CancelRunResult,
    description:
      'Ends the run, whatever it is doing, and withdraws its approvals. Cancelling a cancelled run changes nothing.',
    args: { input: t.arg({ type: CancelRunInput, required: true, description: 'Which run.' }) },
    resolve: (_root, { input }, context) => perform(context, cancelRun(context.commands, context.viewer, input)),
  }),
}));
