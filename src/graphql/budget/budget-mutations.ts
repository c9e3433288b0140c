import { type DecidedBudget, decideBudget } from '../../application/wait/decide-budget.ts';
import { ApprovalVerdict } from '../approval/approval-mutations.ts';
import { builder } from '../builder.ts';
import { loadRequired } from '../loaders.ts';
import { BudgetRequestType, RunType } from '../object-types.ts';
import { defineResult, perform } from '../refusals.ts';

const DecideBudgetInput = builder.inputType('DecideBudgetInput', {
  description: 'Whether a run may use more than its budget.',
  fields: (t) => ({
    budgetRequestId: t.id({ required: true, description: 'Id of the budget request.' }),
    decision: t.field({
      type: ApprovalVerdict,
      required: true,
      description: 'ALLOW lets the run continue; DENY fails it with BUDGET.',
    }),
    increase: t.float({
      description:
        'With ALLOW: how much more this run may use, in the unit of the budget, more than 0 and at most 1e12. Without it `needed`.',
    }),
    reason: t.string({ description: 'Why, at most 2,000 characters. With DENY it is part of the error of the run.' }),
  }),
});

const DecideBudgetSuccess = builder.objectRef<DecidedBudget>('DecideBudgetSuccess').implement({
  description: 'The budget request is settled.',
  fields: (t) => ({
    request: t.field({
      type: BudgetRequestType,
      description: 'The settled request.',
      resolve: ({ budgetRequestId }, _args, { loaders }) => loadRequired(loaders, 'budgetRequest', budgetRequestId),
    }),
    run: t.field({
      type: RunType,
      nullable: true,
      description: 'The run that asked; null for somebody who may settle the request but not see the run.',
      resolve: ({ runId }, _args, { loaders }) => loaders.run.load(runId),
    }),
  }),
});

const DecideBudgetResult = defineResult('DecideBudgetResult', DecideBudgetSuccess, [
  'not-found',
  'invalid-input',
  'wait-settled',
]);

builder.mutationField('decideBudget', (t) =>
  t.field({
    type: DecideBudgetResult,
    description:
      'Settles a budget request. The first decision wins; repeating the same decision succeeds. The owner of the run decides about budgets of a run or session, and principals with `approve:any` about every budget.',
    args: { input: t.arg({ type: DecideBudgetInput, required: true, description: 'The decision.' }) },
    resolve: (_root, { input }, context) => perform(context, decideBudget(context.commands, context.viewer, input)),
  }),
);
