import { z } from 'zod';
import { budgetKinds, budgetPeriods, budgetScopes } from './budget.ts';
import { runStatuses } from './transitions.ts';

/** Version of the payloads below. A change raises it, and the codec upgrades older events when it reads them. */
export const SCHEMA_VERSION = 2;

export const actors = ['USER', 'MODEL', 'TOOL', 'OPERATOR', 'SYSTEM'] as const;
export type Actor = (typeof actors)[number];

export const riskLevels = ['LOW', 'MEDIUM', 'HIGH', 'CRITICAL'] as const;
export type RiskLevel = (typeof riskLevels)[number];

export const policyEffects = ['ALLOW', 'ASK', 'DENY'] as const;
export type PolicyEffect = (typeof policyEffects)[number];

export const approvalStatuses = ['PENDING', 'ALLOWED', 'DENIED', 'EXPIRED', 'WITHDRAWN'] as const;
export type ApprovalStatus = (typeof approvalStatuses)[number];

export const approvalScopes = ['ONCE', 'SESSION', 'TIMEBOXED'] as const;
export type ApprovalScope = (typeof approvalScopes)[number];

/** How a wait was settled. */
export const waitOutcomes = [
  'ALLOWED',
  'DENIED',
  'ANSWERED',
  'DECLINED',
  'CANCELLED',
  'COMPLETED',
  'FAILED',
  'EXPIRED',
  'WITHDRAWN',
] as const;
export type WaitOutcome = (typeof waitOutcomes)[number];

/** Waits for the result of a call, which somebody else gives. */
export const delegatedKinds = ['CLIENT_TOOL', 'QUESTION'] as const;
export type DelegatedKind = (typeof delegatedKinds)[number];

/** Waits with the events `wait_request` and `wait_settled`; approvals have `approval_request` and `approval_decision`. */
const waitEventKinds = [...delegatedKinds, 'BUDGET'] as const;

export const runErrorCodes = [
  'MODEL_UNAVAILABLE',
  'MODEL_REFUSED',
  'MODEL_AUTH',
  'CONTEXT_OVERFLOW',
  'STEP_LIMIT',
  'TOOL_LIMIT',
  'DEADLINE',
  'BUDGET',
  'APPROVAL_TIMEOUT',
  'RESUME_LIMIT',
  'RESULT_INVALID',
  'INTERNAL',
] as const;
export type RunErrorCode = (typeof runErrorCodes)[number];

const instant = z.int().nonnegative().describe('epoch milliseconds');
const tokens = z.int().nonnegative();
const step = z.int().positive();
const position = z.object({ runId: z.string(), seq: z.int().positive() });

const runError = z.object({ code: z.enum(runErrorCodes), message: z.string(), retryable: z.boolean() });
export type RunError = z.infer<typeof runError>;

/** What a run is made with, recorded by its first `input`. It never changes. */
const origin = z.object({
  sessionId: z.string(),
  agentId: z.string().nullable(),
  model: z.string().nullable(),
  retryOf: z.string().nullable(),
  urgent: z.boolean().describe('runs before the other pending runs of its session'),
  // Older tapes lack them.
  scopes: z.array(z.string()).default([]).describe('access scopes of the sender, for the policy'),
  outputSchema: z.json().optional().describe("JSON Schema of the result; missing if the agent's applies"),
  traceParent: z
    .string()
    .optional()
    .describe('the header `traceparent` of the request; missing without one or without tracing'),
});
export type RunOrigin = z.infer<typeof origin>;

const usage = z.object({
  input: tokens,
  output: tokens,
  estimated: z.boolean(),
  cost: z
    .number()
    .nonnegative()
    .nullable()
    .describe('in the currency of the model catalogue; null if the model has no price'),
  cachedInput: tokens.nullable().default(null).describe('part of the input; null if the provider does not report it'),
  reasoning: tokens.nullable().default(null).describe('part of the output; null if the provider does not report it'),
});
export type OutputUsage = z.infer<typeof usage>;

/** One version of an agent. */
const agentRef = z.object({ id: z.string(), version: z.int().positive() });
export type AgentRef = z.infer<typeof agentRef>;

/** A text that is too large for its event and is stored beside the tape. The event keeps its beginning. */
const storedText = z.object({ id: z.string(), bytes: z.int().nonnegative(), sha256: z.string() });
export type StoredTextRef = z.infer<typeof storedText>;

/** What a model can be shown of a file: images and PDF as they are, text as text. */
const attachmentKinds = ['image', 'pdf', 'text'] as const;
export type AttachmentKind = (typeof attachmentKinds)[number];

/** A file that a message refers to. The bytes are stored beside the tape. */
const attachmentRef = z.object({
  id: z.string(),
  name: z.string(),
  mediaType: z.string().describe('detected from the content'),
  bytes: z.int().positive(),
  sha256: z.string().describe('in lower-case hex'),
});
export type AttachmentRef = z.infer<typeof attachmentRef>;

/** How an answer compares with the output schema of its run. */
const resultCheck = z.object({
  problem: z.string().nullable().describe('why the answer does not fit the schema; null if it fits'),
  asked: z.boolean().describe('whether the request asked for an answer that fits'),
});
export type ResultCheck = z.infer<typeof resultCheck>;

/** On events that an executor records once or twice in a step. Older tapes lack it. */
const workMilliseconds = z
  .int()
  .nonnegative()
  .optional()
  .describe('time at work of the run so far, as its executors measured it; missing where none did');

/** Of the tool at that time. Older tapes lack it. */
const definitionHash = z
  .string()
  .nullable()
  .default(null)
  .describe("SHA-256 of the tool's definition; null if unknown");

/** A tool that a client runs. */
const clientTool = z.object({
  name: z.string(),
  description: z.string(),
  inputSchema: z.json(),
  timeoutSeconds: z.int().positive().nullable().describe('null for the time of every other wait'),
});
export type ClientToolDeclaration = z.infer<typeof clientTool>;

/** What a person is asked. */
const question = z.object({
  prompt: z.string(),
  answerSchema: z.json().describe('JSON Schema of the answer'),
  source: z.string().describe('source of the tool that asks'),
  url: z.string().nullable().default(null).describe('a link that the person opens to answer; null without one'),
});
export type AskedQuestion = z.infer<typeof question>;

/** A budget that the next model call does not fit in. Amounts are in the unit of the budget. */
const budgetRequest = z.object({
  budget: z.enum(budgetKinds),
  appliesTo: z.enum(budgetScopes),
  period: z.enum(budgetPeriods),
  increases: z.string().describe('id of the budget in its period, which an increase applies to'),
  spent: z.number().nonnegative().describe('reservations of calls in progress included'),
  allowance: z.number().positive().describe('increases of the run included'),
  needed: z.number().nonnegative().describe('the most that the call may use'),
});
export type BudgetRequest = z.infer<typeof budgetRequest>;

/** The payload of each event type. */
export const payloadSchemas = {
  input: z.object({
    text: z.string(),
    steered: z.boolean(),
    idempotencyKey: z.string().nullable(),
    origin: origin.nullable().describe('null on a steered input'),
    // Absent instead of empty, so that messages without metadata are recorded as before.
    metadata: z.record(z.string(), z.string()).optional().describe('missing if the message has none'),
    attachments: z.array(attachmentRef).optional().describe('missing if there are none'),
    clientTools: z.array(clientTool).optional().describe('missing if the message declares none'),
  }),
  status: z.object({
    from: z.enum(runStatuses).nullable(),
    to: z.enum(runStatuses),
    reason: z.string().nullable(),
    error: runError.nullable(),
    turn: z
      .int()
      .positive()
      .nullable()
      .describe('on the start: the position of the run among the started runs of its session; otherwise null'),
    workMilliseconds,
  }),
  context: z.object({
    step,
    model: z.string(),
    shown: z
      .object({ from: position, to: position, messages: z.int().nonnegative() })
      .describe('first and last event shown, both inclusive, and the number of messages'),
    memories: z.array(z.object({ id: z.string(), score: z.number() })),
    artifactId: z.string().nullable(),
    agent: agentRef.nullable().default(null).describe('the agent that the step ran with; null for none'),
    instructionsHash: z.string().describe("hash of the agent's instructions alone"),
    tools: z.array(z.string()),
    toolsHash: z.string().default('').describe('hash of the tool descriptions'),
    cutResults: z.array(z.string()).default([]).describe('calls whose results were shortened to fit'),
    failedCompaction: z
      .object({ reason: z.string(), model: z.string(), usage: usage.nullable().describe('null if unknown') })
      .nullable()
      .default(null)
      .describe("a compaction that failed while the context was assembled; its usage is not part of the run's usage"),
    estimatedTokens: tokens,
    requestHash: z.string(),
    responseFormat: z
      .boolean()
      .optional()
      .describe("whether the output schema is sent as the provider's response format; missing if it is not"),
    attachmentKinds: z
      .array(z.enum(attachmentKinds))
      .optional()
      .describe('the kinds of files that the model could read besides text; missing if no message had an attachment'),
    workMilliseconds,
  }),
  thought: z.object({ step, text: z.string() }),
  output_delta: z.object({ step, text: z.string() }),
  output: z.object({
    step,
    text: z.string().describe('the whole text, or its beginning if it is stored beside the tape'),
    storedText: storedText.nullable().default(null).describe('the whole text; null if `text` is the whole'),
    toolCalls: z.array(z.string()).describe("call ids, in the model's order"),
    finishReason: z.string(),
    refusal: z
      .string()
      .nullable()
      .default(null)
      .describe('what the model said instead of answering, or after it stopped answering'),
    usage,
    model: z.string(),
    responseId: z.string().nullable(),
    providerState: z.json().default(null).describe('data of the provider that has to be sent back with this answer'),
    result: resultCheck.optional().describe('of a final answer in a run with an output schema; otherwise missing'),
    workMilliseconds,
  }),
  tool_call: z.object({
    step,
    callId: z.string(),
    tool: z.string(),
    input: z.json(),
    inputError: z.string().nullable().describe('why the input could not be parsed; the input is then the raw text'),
  }),
  tool_decision: z.object({
    callId: z.string(),
    effect: z.enum(policyEffects),
    reason: z.string(),
    rule: z.string().nullable(),
    definitionHash,
  }),
  approval_request: z.object({
    callId: z.string(),
    approvalId: z.string(),
    risk: z.enum(riskLevels),
    summary: z.string(),
    expiresAt: instant,
    why: z.enum(['policy', 'unknown_outcome']),
    target: z.string().nullable().default(null).describe('what the call reaches; null if the tool does not say'),
    rule: z.string().nullable().default(null).describe('the policy rules that asked; null if no rule did'),
    definitionHash,
    definition: z
      .json()
      .default(null)
      .describe('of the tool that the approver is shown; null if the tool was not available'),
    previousDefinition: z.json().default(null).describe('the definition that was allowed last; null if it is the same'),
  }),
  approval_decision: z.object({
    callId: z.string(),
    approvalId: z.string(),
    status: z.enum(approvalStatuses),
    scope: z.enum(approvalScopes).nullable(),
    decidedBy: z.string().nullable(),
    reason: z.string().nullable(),
    editedInput: z.json().describe('null if the input was not changed'),
    grantId: z.string().nullable(),
    grantExpiresAt: instant.nullable(),
    grantTarget: z.string().nullable().default(null).describe('the only target of the grant; null for every target'),
  }),
  wait_request: z.object({
    waitId: z.string(),
    kind: z.enum(waitEventKinds),
    callId: z
      .string()
      .nullable()
      .describe('the call that waits: for its result, or for an answer while its tool runs; null if no call waits'),
    summary: z.string(),
    expiresAt: instant,
    question: question.nullable().default(null).describe('null unless a person is asked'),
    budget: budgetRequest.nullable().default(null).describe('null unless a budget is used up'),
  }),
  wait_settled: z.object({
    waitId: z.string(),
    kind: z.enum(waitEventKinds),
    callId: z.string().nullable(),
    outcome: z.enum(waitOutcomes),
    decidedBy: z.string().nullable(),
    reason: z.string().nullable(),
    answer: z.json().default(null).describe('of a question; null unless it was answered'),
    granted: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe('how much more of a budget the run may use, in the unit of the budget; null unless that was allowed'),
  }),
  tool_start: z.object({
    callId: z.string(),
    tool: z.string(),
    attempt: z.int().positive(),
    idempotencyKey: z.string(),
    workMilliseconds,
    definitionHash,
  }),
  tool_progress: z.object({
    callId: z.string(),
    tool: z.string(),
    progress: z.number().describe("in the tool's own unit"),
    total: z.number().nullable().describe('in the same unit; null if unknown'),
    message: z.string().nullable(),
  }),
  tool_result: z.object({
    callId: z.string(),
    tool: z.string(),
    ok: z.boolean(),
    output: z.json(),
    error: z.string().nullable(),
    durationMilliseconds: z.int().nonnegative(),
    truncated: z.boolean(),
    storedText: storedText.nullable(),
    workMilliseconds,
    mayHaveRun: z
      .boolean()
      .default(false)
      .describe('whether the call was interrupted, may have run, and is not repeated; its result is unknown'),
  }),
  compaction: z.object({
    artifactId: z.string(),
    tokensBefore: tokens,
    tokensAfter: tokens,
    model: z.string().default('').describe('the model that wrote the summary'),
    usage: usage.nullable().default(null).describe("usage of writing the summary; not part of the run's usage"),
  }),
  resumption: z.object({
    attempt: z
      .int()
      .positive()
      .describe(
        'how often the run was resumed, or how often the answer of this step was interrupted, including this time',
      ),
    step,
    epoch: z.int().positive(),
    lost: z.boolean().describe('whether the previous executor was lost; false if it handed the run back'),
    alone: z.boolean().default(false).describe('whether the lost executor executed no other run'),
    reason: z.string(),
    brokeOff: z
      .boolean()
      .default(false)
      .describe("whether only the model's answer was interrupted and the executor continued"),
  }),
} as const;

export type EventType = keyof typeof payloadSchemas;

export type PayloadOf<Type extends EventType> = z.infer<(typeof payloadSchemas)[Type]>;

/** Events that show that a run got further. The progress of a tool does not: a call that kills its server may report it each time. */
const progress: ReadonlySet<EventType> = new Set([
  'thought',
  'output_delta',
  'output',
  'tool_result',
  'approval_decision',
  // A server that is lost while a tool waits for an answer was not killed by the run.
  'wait_request',
  'wait_settled',
]);

/** Whether a run that records this event was resumed with success. */
export function isProgress({ type }: { type: EventType }): boolean {
  return progress.has(type);
}

/**
 * The events with the time at work so far on the last one that can have it. How long a run has worked must not depend on the
 * clocks of the servers, so their executors record what they have measured.
 */
export function withWorkTime(events: readonly NewEvent[], workMilliseconds: number): NewEvent[] {
  const last = events.findLastIndex(({ type }) => 'workMilliseconds' in payloadSchemas[type].shape);
  return events.map((event, index) =>
    // Only the types that have the member are changed.
    index === last ? ({ ...event, payload: { ...event.payload, workMilliseconds } } as NewEvent) : event,
  );
}

/** An event that is not recorded yet. */
export type NewEvent = { [Type in EventType]: { type: Type; actor: Actor; payload: PayloadOf<Type> } }[EventType];

/** An event with its time. */
export type StampedEvent = NewEvent & {
  /** Epoch milliseconds; never earlier than that of the previous event. */
  recordedAt: number;
};

/** An event with its position on a tape. */
export type SequencedEvent = StampedEvent & {
  runId: string;
  /** 1, 2, 3, … within the run. */
  seq: number;
  /** Epoch of the lease under which an executor recorded it; null if no executor did. */
  epoch: number | null;
};

/** An event as it is stored. */
export type RecordedEvent = SequencedEvent & {
  schemaVersion: number;
  /** SHA-256 over this event and the hash before it, in lower-case hex. */
  hash: string;
};

export type SequencedEventOf<Type extends EventType> = Extract<SequencedEvent, { type: Type }>;
export type EventOf<Type extends EventType> = Extract<RecordedEvent, { type: Type }>;
export type Json = z.infer<ReturnType<typeof z.json>>;

/** Returns the seq of the newest event of the context's own run that the model was shown. */
export function lastShown({ runId, payload }: SequencedEventOf<'context'>): number {
  return payload.shown.to.runId === runId ? payload.shown.to.seq : 0;
}
