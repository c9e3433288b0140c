import { z } from 'zod';
import * as limits from '../../config/limits.ts';
import type { RowWrite } from '../../database/batch-statement.ts';
import { decide } from '../../domain/decide.ts';
import type { Json } from '../../domain/events.ts';
import { invalidInput, isRefusal, notFound, type Refusal } from '../../domain/refusal.ts';
import { maskText } from '../../domain/secrets/mask.ts';
import type { SubmittedResult } from '../../domain/settled-wait.ts';
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
    clientToolCallId: z.string(),
    output: z.custom<Json>().optional(),
    error: z
      .string()
      .transform(storableText)
      .refine((error) => error.trim() !== '', 'must not be empty')
      .refine(
        (error) => error.length <= limits.TOOL_ERROR_CHARACTERS,
        `must not be longer than ${limits.TOOL_ERROR_CHARACTERS} characters`,
      )
      .nullish(),
  })
  .refine(({ output, error }) => output !== undefined || error != null, {
    path: ['output'],
    message: 'give the output of the tool, which can be null, or an `error`',
  })
  .refine(({ output, error }) => output == null || error == null, {
    path: ['error'],
    message: 'give either `output` or `error`, not both',
  });

export type SubmittedToolResult = { kind: 'submitted'; clientToolCallId: string; runId: string };

/**
 * Records the result of a call that the client runs, once. The run continues in the same append if it waits for nothing else.
 * Repeating the recorded result succeeds.
 */
export async function submitToolResult(
  context: CommandContext,
  viewer: Viewer,
  raw: z.input<typeof schema>,
): Promise<SubmittedToolResult | Refusal> {
  const { principal } = viewer;
  const parsed = parseInput(schema, raw);
  if (isRefusal(parsed)) return parsed;
  const { clientToolCallId: waitId, output = null, error } = parsed.input;
  const bytes = Buffer.byteLength(JSON.stringify(output));
  if (bytes > limits.TOOL_OUTPUT_BYTES) {
    return invalidInput(['output'], `has ${bytes} bytes as JSON, but at most ${limits.TOOL_OUTPUT_BYTES} are allowed`);
  }
  const [wait] = await delegatedCallsByIds(context.database.reader, 'CLIENT_TOOL', principal, [waitId]);
  if (!wait) return notFound('client tool call', waitId);
  if (wait.status === 'PENDING' && wait.expiresAt.getTime() <= context.now()) await expireWait(context, wait);
  const { runId } = wait;
  const { result, rows } = error == null ? await outputOf(context, runId, output) : failure(error);
  const audited = context.audit.rowOf(
    entryOf(viewer, 'client-tool-answered', { ok: error == null, clientToolCallId: waitId, runId }),
  );
  const outcome = await context.runStore.record({
    runId,
    sessionId: wait.sessionId,
    epoch: null,
    claim: 'waiting',
    decide(run, { now }) {
      const decision = decide(run, { kind: 'submitToolResult', waitId, by: principal, result }, now);
      return isRefusal(decision) ? decision : { ...decision, rows: [...rows, audited] };
    },
  });
  if (outcome.kind === 'refused' && !(await isRecorded(context, wait, result))) return outcome.refusal;
  return { kind: 'submitted', clientToolCallId: waitId, runId };
}

async function outputOf(
  { newId }: CommandContext,
  runId: string,
  json: Json,
): Promise<{ result: SubmittedResult; rows: RowWrite[] }> {
  const { output, storedText, rows } = await recordableOutput(newId, runId, json);
  return { result: { ok: true, output, storedText }, rows };
}

const failure = (error: string): { result: SubmittedResult; rows: RowWrite[] } => ({
  result: { ok: false, error: maskText(error) },
  rows: [],
});

/** Whether the tape has this result of the call. */
async function isRecorded(
  { journal }: CommandContext,
  wait: DelegatedCallRow,
  submitted: SubmittedResult,
): Promise<boolean> {
  const settled = (await delegatedCallContents(journal, [wait])).get(wait.id)?.result ?? null;
  if (settled === null) return false;
  if (!submitted.ok || !settled.ok) return !submitted.ok && !settled.ok && submitted.error === settled.error;
  const isSameText = canonicalJson(submitted.output).text === canonicalJson(settled.output).text;
  return isSameText && submitted.storedText?.sha256 === settled.storedText?.sha256;
}
