import type { BudgetKind as Kind, BudgetPeriod as Period, BudgetScope as Scope } from '../../domain/budget.ts';
import type { BudgetRequestRow } from '../../projections/budget-requests.ts';
import { builder } from '../builder.ts';
import type { GraphqlContext } from '../context.ts';
import { Node } from '../node.ts';
import { BudgetRequestType } from '../object-types.ts';
import { Wait } from '../wait/wait-interface.ts';

const BudgetKind = builder.enumType('BudgetKind', {
  description: 'What a budget counts.',
  values: {
    COST: { description: "Cost, in the catalogue's currency." },
    TOKENS: { description: 'Input and output tokens.' },
  } as const satisfies Record<Kind, { description: string }>,
});

const BudgetPeriod = builder.enumType('BudgetPeriod', {
  description: 'How long a budget counts before it begins again, in UTC.',
  values: {
    HOUR: { description: 'An hour.' },
    DAY: { description: 'A day.' },
    MONTH: { description: 'A month.' },
    TOTAL: { description: 'The lifetime of what it applies to.' },
  } as const satisfies Record<Period, { description: string }>,
});

const BudgetScope = builder.enumType('BudgetScope', {
  description: 'Whose use a budget adds up.',
  values: {
    RUN: { description: 'That of one run.' },
    SESSION: { description: 'That of all runs of a session.' },
    AGENT: { description: 'That of all runs of an agent.' },
    PRINCIPAL: { description: 'That of all runs of a principal.' },
  } as const satisfies Record<Scope, { description: string }>,
});

const contentOf = (row: BudgetRequestRow, { loaders }: GraphqlContext) => loaders.budgetRequestContent.load(row);

const requestOf = async (row: BudgetRequestRow, context: GraphqlContext) => (await contentOf(row, context)).request;

BudgetRequestType.implement({
  description:
    'A run has reached a budget that asks instead of failing. Amounts are in the unit of the budget. `decideBudget` settles it: for a budget of a run or session the owner with `approve`, and for every budget a principal with `approve:any`.',
  interfaces: [Node, Wait],
  fields: (t) => ({
    summary: t.string({
      description: 'Which budget the next model call does not fit in, what was used, and what the call needs.',
      resolve: async (row, _args, context) => (await contentOf(row, context)).summary,
    }),
    budget: t.field({
      type: BudgetKind,
      description: 'What the budget counts.',
      resolve: async (row, _args, context) => (await requestOf(row, context)).budget,
    }),
    appliesTo: t.field({
      type: BudgetScope,
      description: 'Whose use it adds up.',
      resolve: async (row, _args, context) => (await requestOf(row, context)).appliesTo,
    }),
    period: t.field({
      type: BudgetPeriod,
      description: 'How long it counts before it begins again.',
      resolve: async (row, _args, context) => (await requestOf(row, context)).period,
    }),
    spent: t.float({
      description: 'Used when it was requested, reservations of calls in progress included.',
      resolve: async (row, _args, context) => (await requestOf(row, context)).spent,
    }),
    allowance: t.float({
      description: 'The budget, with what the run was allowed on top before.',
      resolve: async (row, _args, context) => (await requestOf(row, context)).allowance,
    }),
    needed: t.float({
      description: 'What the next model call needs at most.',
      resolve: async (row, _args, context) => (await requestOf(row, context)).needed,
    }),
    granted: t.float({
      nullable: true,
      description: 'How much more the run may use; null until that is allowed.',
      resolve: async (row, _args, context) => (await contentOf(row, context)).granted,
    }),
  }),
});
