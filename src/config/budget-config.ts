import { z } from 'zod';
import type { ConfigurationIssue } from './configuration-issue.ts';
import { BUDGETS } from './limits.ts';
import { modelEntrySchema, SCRIPTED_MODEL } from './model-config.ts';

/** The names of the API. */
const subjects = { run: 'RUN', session: 'SESSION', agent: 'AGENT', principal: 'PRINCIPAL' } as const;
const periods = { hour: 'HOUR', day: 'DAY', month: 'MONTH', total: 'TOTAL' } as const;

const amount = z.number().positive().optional();

const budget = z
  .strictObject({
    appliesTo: z.enum(['run', 'session', 'agent', 'principal']),
    period: z.enum(['hour', 'day', 'month', 'total']).default('total'),
    /** In the currency of the prices. */
    cost: amount,
    /** Input and output tokens together. */
    tokens: amount,
  })
  .refine(({ cost, tokens }) => (cost === undefined) !== (tokens === undefined), {
    error: 'must have either "cost" or "tokens". Use two budgets to limit both',
  })
  .transform(({ appliesTo, period, cost, tokens }) => ({
    appliesTo: subjects[appliesTo],
    period: periods[period],
    kind: cost === undefined ? ('TOKENS' as const) : ('COST' as const),
    allowance: cost ?? tokens ?? 0,
  }));

export const budgetsConfigSchema = z.object({ budgets: z.array(budget).max(BUDGETS).default([]) });

const pricedSchema = budgetsConfigSchema.extend({ models: z.record(z.string(), z.unknown()).default({}) });

/** A budget of cost needs the price of every model. The built-in model costs nothing. */
export function checkBudgets(file: unknown): ConfigurationIssue[] {
  const parsed = pricedSchema.safeParse(file);
  if (!parsed.success) return [];
  const { budgets, models } = parsed.data;
  const unpriced = Object.entries(models).flatMap(([name, value]) => {
    const entry = modelEntrySchema.safeParse(value);
    return name !== SCRIPTED_MODEL && entry.success && entry.data.price === undefined ? [name] : [];
  });
  if (unpriced.length === 0) return [];
  const names = unpriced.map((name) => `"${name}"`).join(', ');
  const advice = unpriced.map((name) => `models.${name}.price`).join(', ');
  const message = `cannot limit the cost of models without a price: ${names}. Set ${advice}, or limit tokens`;
  return budgets.flatMap(({ kind }, index) => (kind === 'COST' ? [{ path: ['budgets', index, 'cost'], message }] : []));
}
