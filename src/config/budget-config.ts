import { z } from 'zod';
import { accessConfigSchema } from './access-config.ts';
import type { ConfigurationIssue } from './configuration-issue.ts';
import { BUDGETS } from './limits.ts';
import { embeddingsConfigSchema, modelEntrySchema, SCRIPTED_MODEL } from './model-config.ts';

/** The names of the API. */
const subjects = { run: 'RUN', session: 'SESSION', agent: 'AGENT', principal: 'PRINCIPAL' } as const;
const periods = { hour: 'HOUR', day: 'DAY', month: 'MONTH', total: 'TOTAL' } as const;

const amount = z.number().positive().optional();

const budget = z
  .strictObject({
    appliesTo: z.enum(['run', 'session', 'agent', 'principal']),
    /** Name of the only agent that it applies to. */
    agent: z.string().min(1).optional(),
    period: z.enum(['hour', 'day', 'month', 'total']).default('total'),
    /** In the currency of the prices. */
    cost: amount,
    /** Input and output tokens together. */
    tokens: amount,
    onLimit: z.enum(['fail', 'ask']).default('fail'),
  })
  .refine(({ cost, tokens }) => (cost === undefined) !== (tokens === undefined), {
    error: 'must have either "cost" or "tokens". Use two budgets to limit both',
  })
  .refine(({ appliesTo, agent }) => agent === undefined || appliesTo === 'agent', {
    path: ['agent'],
    error: 'names an agent, but the budget applies to something else. Set "appliesTo" to "agent"',
  })
  .transform(({ appliesTo, agent = null, period, cost, tokens, onLimit }) => ({
    appliesTo: subjects[appliesTo],
    agent,
    period: periods[period],
    kind: cost === undefined ? ('TOKENS' as const) : ('COST' as const),
    allowance: cost ?? tokens ?? 0,
    onLimit,
  }));

export const budgetsConfigSchema = z.object({ budgets: z.array(budget).max(BUDGETS).default([]) });

/** Refuses to ask where nobody may answer: such a run would wait until the request expires. */
export function checkAskingBudgets(file: unknown): ConfigurationIssue[] {
  const access = accessConfigSchema.safeParse(file);
  const parsed = budgetsConfigSchema.safeParse(file);
  if (!access.success || !parsed.success) return [];
  const { auth } = access.data;
  if (auth.mode !== 'tokens' || auth.tokens.some(({ scopes }) => scopes.includes('approve:any'))) return [];
  const message =
    'needs a principal that can raise the budgets of agents and principals, but no token has the scope "approve:any". ' +
    '`runtape token <principal> read,approve,approve:any` prints a token that has it';
  return parsed.data.budgets.flatMap(({ appliesTo, onLimit }, index) =>
    onLimit === 'ask' && (appliesTo === 'AGENT' || appliesTo === 'PRINCIPAL')
      ? [{ path: ['budgets', index, 'onLimit'], message }]
      : [],
  );
}

const pricedSchema = budgetsConfigSchema.extend({
  models: z.record(z.string(), z.unknown()).default({}),
  embeddings: z.unknown().optional(),
});

/** A budget of cost needs the price of every model. The built-in model costs nothing. */
export function checkBudgets(file: unknown): ConfigurationIssue[] {
  const parsed = pricedSchema.safeParse(file);
  if (!parsed.success) return [];
  const { budgets, models, embeddings } = parsed.data;
  const unpriced = Object.entries(models).flatMap(([name, value]) => {
    const entry = modelEntrySchema.safeParse(value);
    return name !== SCRIPTED_MODEL && entry.success && entry.data.price === undefined ? [name] : [];
  });
  const embeddingModel = embeddingsConfigSchema.safeParse({ embeddings }).data?.embeddings;
  const isUnpriced = embeddingModel !== undefined && embeddingModel.price === undefined;
  if (unpriced.length === 0 && !isUnpriced) return [];
  const names = [...unpriced.map((name) => `"${name}"`), ...(isUnpriced ? ['that of embeddings'] : [])].join(', ');
  const prices = [...unpriced.map((name) => `models.${name}.price`), ...(isUnpriced ? ['embeddings.price'] : [])];
  const advice = prices.join(', ');
  const message = `cannot limit the cost of models without a price: ${names}. Set ${advice}, or limit tokens`;
  return budgets.flatMap(({ kind }, index) => (kind === 'COST' ? [{ path: ['budgets', index, 'cost'], message }] : []));
}
