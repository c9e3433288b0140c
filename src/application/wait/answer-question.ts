import { z } from 'zod';
import { inTurns } from '../../clock.ts';
import * as limits from '../../config/limits.ts';
import { BUILTIN_SOURCE } from '../../config/tools-config.ts';
import type { RowWrite } from '../../database/batch-statement.ts';
import { decide } from '../../domain/decide.ts';
import type { Json } from '../../domain/events.ts';
import { invalidInput, isRefusal, notFound, type Refusal } from '../../domain/refusal.ts';
import { maskJsonInSteps } from '../../domain/secrets/mask.ts';
import type { QuestionReply } from '../../domain/settled-wait.ts';
import { storableText } from '../../domain/storable-text.ts';
import { canonicalJson } from '../../journal/canonical-json.ts';
import {
  type DelegatedCallRow,
  delegatedCallContents,
  delegatedCallsByIds,
} from '../../projections/delegated-calls.ts';
import { entryOf } from '../audit/entries.ts';
import type { CommandContext, Viewer } from '../command-context.ts';
import { parseInput } from '../parse-input.ts';
import { recordableOutput } from '../tool-calls/recordable-output.ts';
import { expireWait } from './expire-waits.ts';

const schema = z
  .object({
    questionId: z.string(),
    action: z.enum(['ANSWER', 'DECLINE', 'CANCEL']),
    answer: z.custom<Json>().optional(),
    reason: z.string().max(limits.REASON_CHARACTERS).transform(storableText).nullish(),
  })
  .refine(({ action, answer }) => action !== 'ANSWER' || answer !== undefined, {
    path: ['answer'],
    message: 'is required with the action ANSWER; it can be null where `answerSchema` allows it',
  })
  .refine(({ action, answer }) => action === 'ANSWER' || answer == null, {
    path: ['answer'],
    message: 'is only allowed with the action ANSWER',
  });

export type AnsweredQuestion = { kind: 'answered'; questionId: string; runId: string };

/**
 * Settles a question, once: with an answer that fits its schema, or by declining or cancelling it. The run continues in the same
 * append if it waits for nothing else. Repeating the recorded reply succeeds.
 */
export async function answerQuestion(
  context: CommandContext,
  viewer: Viewer,
  raw: z.input<typeof schema>,
): Promise<AnsweredQuestion | Refusal> {
  const { principal } = viewer;
  const parsed = parseInput(schema, raw);
  if (isRefusal(parsed)) return parsed;
  const { questionId, action, answer = null } = parsed.input;
  const [wait] = await delegatedCallsByIds(context.database.reader, 'QUESTION', principal, [questionId]);
  if (!wait) return notFound('question', questionId);
  if (wait.status === 'PENDING' && wait.expiresAt.getTime() <= context.now()) await expireWait(context, wait);
  const problem = action === 'ANSWER' ? await answerProblem(context, principal, wait, answer) : null;
  if (problem !== null) return invalidInput(['answer'], problem);
  const { runId } = wait;
  const { reply, rows } =
    action === 'ANSWER' ? await answerOf(context, runId, answer) : { reply: { action }, rows: [] };
  const reason = parsed.input.reason ?? null;
  const audited = context.audit.rowOf(entryOf(viewer, 'question-answered', { action, questionId, runId }));
  const outcome = await context.runStore.record({
    runId,
    sessionId: wait.sessionId,
    epoch: null,
    claim: 'waiting',
    decide(run, { now }) {
      const command = { kind: 'answerQuestion', waitId: questionId, by: principal, reply, reason } as const;
      const decision = decide(run, command, now);
      return isRefusal(decision) ? decision : { ...decision, rows: [...rows, audited] };
    },
  });
  if (outcome.kind === 'refused' && !(await isRecorded(context, principal, wait.id, reply))) return outcome.refusal;
  return { kind: 'answered', questionId, runId };
}

/** Why an answer is not accepted; null if it is. The schema is the one on the tape. */
async function answerProblem(
  { journal, schemaChecker }: CommandContext,
  principal: string,
  wait: DelegatedCallRow,
  answer: Json,
): Promise<string | null> {
  const bytes = Buffer.byteLength(JSON.stringify(answer));
  if (bytes > limits.QUESTION_ANSWER_BYTES) {
    return `has ${bytes} bytes as JSON, but at most ${limits.QUESTION_ANSWER_BYTES} are allowed`;
  }
  const question = (await delegatedCallContents(journal, [wait])).get(wait.id)?.question;
  if (!question) return 'cannot be checked: the tape of the run does not have this question';
  // Each author pays for slow schemas: an MCP server must not use up the time of the principals that it asks.
  const author = question.source === BUILTIN_SOURCE ? principal : `\0${question.source}`;
  const compile = schemaChecker.forParty(author);
  // The schema compiled when the question was asked, but its author may have used up its time since.
  const problem = await compile(question.answerSchema as { [key: string]: Json }, 'answer').then(
    (check) => check(answer),
    (error: unknown) => `cannot be checked now: ${error instanceof Error ? error.message : String(error)}`,
  );
  if (problem !== null || question.source === BUILTIN_SOURCE) return problem;
  // The server gets what is recorded, and credentials are recorded masked.
  const masked = await inTurns(maskJsonInSteps(answer));
  const isMasked = canonicalJson(masked).text !== canonicalJson(answer).text;
  return isMasked
    ? 'has a value that looks like a credential. MCP servers must not ask for credentials in this way: decline the question'
    : null;
}

async function answerOf(
  { newId }: CommandContext,
  runId: string,
  json: Json,
): Promise<{ reply: QuestionReply; rows: RowWrite[] }> {
  const { output, storedText, rows } = await recordableOutput(newId, runId, json);
  return { reply: { action: 'ANSWER', answer: output, storedText }, rows };
}

/** Whether the question was settled with this reply. */
async function isRecorded(
  { database, journal }: CommandContext,
  principal: string,
  id: string,
  reply: QuestionReply,
): Promise<boolean> {
  const [wait] = await delegatedCallsByIds(database.reader, 'QUESTION', principal, [id]);
  if (!wait) return false;
  if (reply.action !== 'ANSWER') return wait.status === (reply.action === 'DECLINE' ? 'DECLINED' : 'CANCELLED');
  if (wait.status !== 'ANSWERED') return false;
  const content = (await delegatedCallContents(journal, [wait])).get(id);
  return canonicalJson(content?.answer ?? null).text === canonicalJson(reply.answer).text;
}
