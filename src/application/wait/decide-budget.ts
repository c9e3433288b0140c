import { z } from 'zod';
import * as limits from '../../config/limits.ts';
import { decide } from '../../domain/decide.ts';
import { invalidInput, isRefusal, notFound, type Refusal } from '../../domain/refusal.ts';
import { storableText } from '../../domain/storable-text.ts';
import {
  type BudgetRequestContent,
  type BudgetRequestRow,
  budgetRequestContents,
  budgetRequestsByIds,
} from '../../projections/budget-requests.ts';
import { ownersOf } from '../../repositories/sessions.ts';
import { separationProblem } from '../approval/approval-access.ts';
import type { AuditEntry } from '../audit/audit-log.ts';
import { entryOf, reportRefusedDecision } from '../audit/entries.ts';
import type { CommandContext, Viewer } from '../command-context.ts';
import { parseInput } from '../parse-input.ts';
import { expireWait } from './expire-waits.ts';
import { visibleWaits } from './wait-access.ts';

const schema = z
  .object({
    budgetRequestId: z.string(),
    decision: z.enum(['ALLOW', 'DENY']),
    increase: z
      .number()
      .positive('must be more than 0')
      .max(limits.BUDGET_INCREASE, `must not be more than ${limits.BUDGET_INCREASE}`)
      .nullish(),
    reason: z.string().max(limits.REASON_CHARACTERS).transform(storableText).nullish(),
  })
  .refine(({ decision, increase }) => decision === 'ALLOW' || increase == null, {
    path: ['increase'],
    message: 'is only allowed with the decision ALLOW',
  });

type Input = z.output<typeof schema>;

export type DecidedBudget = { kind: 'decided'; budgetRequestId: string; runId: string };

/**
 * Settles a request for more budget, once. The decision, and how the run continues or fails, become durable together. Repeating
 * the recorded decision succeeds.
 */
export async function decideBudget(
  context: CommandContext,
  viewer: Viewer,
  raw: z.input<typeof schema>,
): Promise<DecidedBudget | Refusal> {
  const parsed = parseInput(schema, raw);
  if (isRefusal(parsed)) return parsed;
  const { input } = parsed;
  const request = await readRequest(context, viewer, input.budgetRequestId);
  if (!request) return notFound('budget request', input.budgetRequestId);
  const entry = auditEntry(viewer, request, input);
  const outcome = await decideVisible(context, viewer, request, { ...input, entry });
  if (isRefusal(outcome)) reportRefusedDecision(context, entry, outcome);
  return outcome;
}

interface VisibleRequest {
  row: BudgetRequestRow;
  content: BudgetRequestContent;
  owner: string;
}

/** Null if there is none that the viewer may see. */
async function readRequest(
  { database, journal }: CommandContext,
  viewer: Viewer,
  id: string,
): Promise<VisibleRequest | null> {
  const [row] = await budgetRequestsByIds(database.reader, visibleWaits(viewer), [id]);
  const owner = row && (await ownersOf(database.reader, [row.sessionId])).get(row.sessionId);
  const content = row && (await budgetRequestContents(journal, [row])).get(id);
  return row && content && owner !== undefined ? { row, content, owner } : null;
}

async function decideVisible(
  context: CommandContext,
  viewer: Viewer,
  { row, content, owner }: VisibleRequest,
  { decision, increase = null, reason = null, entry }: Input & { entry: AuditEntry },
): Promise<DecidedBudget | Refusal> {
  const problem = accessProblem(viewer, content);
  if (problem) return problem;
  const separation = decision === 'ALLOW' && separationProblem(context.settings, viewer, owner, false);
  if (separation) return separation;
  const { id: waitId, runId, sessionId } = row;
  if (row.status === 'PENDING' && row.expiresAt.getTime() <= context.now()) await expireWait(context, row);
  const { principal: by } = viewer;
  const verdict = decision === 'ALLOW' ? { decision, by, increase, reason } : { decision, by, reason };
  const outcome = await context.runStore.record({
    runId,
    sessionId,
    epoch: null,
    claim: 'waiting',
    decide(run, { now }) {
      const decided = decide(run, { kind: 'decideBudget', waitId, verdict }, now);
      return isRefusal(decided) ? decided : { ...decided, rows: [context.audit.rowOf(entry)] };
    },
  });
  if (outcome.kind === 'recorded') {
    const { event, principal, details } = entry;
    context.logger.info({ event, principal, ...details }, 'a decision on a budget was recorded');
  }
  if (outcome.kind === 'refused' && !(await isRecorded(context, viewer, waitId, decision, increase))) {
    return outcome.refusal;
  }
  return { kind: 'decided', budgetRequestId: waitId, runId };
}

/** Budgets that other runs share are raised by approvers only. */
function accessProblem({ scopes }: Viewer, { request: { appliesTo } }: BudgetRequestContent): Refusal | null {
  if (appliesTo === 'RUN' || appliesTo === 'SESSION' || scopes.includes('approve:any')) return null;
  const subject = appliesTo === 'AGENT' ? 'an agent' : 'a principal';
  const message = `only a principal with the scope \`approve:any\` decides about a budget of ${subject}. Ask one, or cancel the run`;
  return invalidInput(['budgetRequestId'], message);
}

/** Whether the request was settled with this decision. */
async function isRecorded(
  context: CommandContext,
  viewer: Viewer,
  id: string,
  decision: Input['decision'],
  increase: number | null,
): Promise<boolean> {
  const settled = await readRequest(context, viewer, id);
  if (!settled) return false;
  const { row, content } = settled;
  if (decision === 'DENY') return row.status === 'DENIED';
  return row.status === 'ALLOWED' && content.granted === (increase ?? content.request.needed);
}

/** Who decides what about whose run, without the reason. */
function auditEntry(
  viewer: Viewer,
  { row, content, owner }: VisibleRequest,
  { decision, increase = null }: Input,
): AuditEntry<'budget-decided'> {
  const { id: budgetRequestId, runId } = row;
  const { appliesTo } = content.request;
  return entryOf(viewer, 'budget-decided', { decision, increase, budgetRequestId, runId, appliesTo, owner });
}
