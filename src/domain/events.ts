import { z } from 'zod';
import { runStatuses } from './transitions.ts';

/** Version of the payloads below. When one changes, it goes up and the codec lifts the older ones. */
export const SCHEMA_VERSION = 1;

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
  'INTERNAL',
] as const;
export type RunErrorCode = (typeof runErrorCodes)[number];

const instant = z.int().nonnegative().describe('epoch milliseconds');
const tokens = z.int().nonnegative();
const step = z.int().positive();
const position = z.object({ runId: z.string(), seq: z.int().positive() });

const runError = z.object({ code: z.enum(runErrorCodes), message: z.string(), retryable: z.boolean() });
export type RunError = z.infer<typeof runError>;

/** What a run is, as its first `input` says; it does not change afterwards. */
const origin = z.object({
  sessionId: z.string(),
  agentId: z.string().nullable(),
  model: z.string().nullable(),
  retryOf: z.string().nullable(),
  urgent: z.boolean().describe('runs before other waiting runs of its session'),
  // None where the tape was written before they were recorded.
  scopes: z.array(z.string()).default([]).describe('of whoever sent it; policy judges by them'),
});
export type RunOrigin = z.infer<typeof origin>;

const usage = z.object({
  input: tokens,
  output: tokens,
  estimated: z.boolean(),
  cost: z.number().nonnegative().nullable().describe("in the catalogue's currency"),
  cachedInput: tokens.nullable().default(null).describe('of the input; null where the provider does not say'),
  reasoning: tokens.nullable().default(null).describe('of the output; null where the provider does not say'),
});
export type OutputUsage = z.infer<typeof usage>;

/** An agent as it was when something was done with it. */
const agentRef = z.object({ id: z.string(), version: z.int().positive() });
export type AgentRef = z.infer<typeof agentRef>;

/** A large output that stands beside the tape. */
const attachment = z.object({ id: z.string(), bytes: z.int().nonnegative(), sha256: z.string() });

/** The payload of each type of event; DESIGN calls this table "the tape". */
export const payloadSchemas = {
  input: z.object({
    text: z.string(),
    steered: z.boolean(),
    idempotencyKey: z.string().nullable(),
    origin: origin.nullable().describe('null on a steered input'),
  }),
  status: z.object({
    from: z.enum(runStatuses).nullable(),
    to: z.enum(runStatuses),
    reason: z.string().nullable(),
    error: runError.nullable(),
    turn: z.int().positive().nullable().describe("on the start: its place among the session's runs that have started"),
  }),
  context: z.object({
    step,
    model: z.string(),
    shown: z
      .object({ from: position, to: position, messages: z.int().nonnegative() })
      .describe('in the order of turns, both ends inclusive'),
    memories: z.array(z.object({ id: z.string(), score: z.number() })),
    artifactId: z.string().nullable(),
    agent: agentRef.nullable().default(null).describe('whose instructions and tools these are; null for none'),
    instructionsHash: z.string().describe("of the agent's instructions, without what is shown beside them"),
    tools: z.array(z.string()),
    toolsHash: z.string().default('').describe('of the tools as they were described'),
    cutResults: z.array(z.string()).default([]).describe('calls whose results were shown shortened, to make room'),
    failedCompaction: z
      .object({ reason: z.string(), model: z.string(), usage: usage.nullable().describe('null where nobody counted') })
      .nullable()
      .default(null)
      .describe("an attempt at a summary, made to have room, that gave none; its usage is no part of the run's own"),
    estimatedTokens: tokens,
    requestHash: z.string(),
  }),
  thought: z.object({ step, text: z.string() }),
  output_delta: z.object({ step, text: z.string() }),
  output: z.object({
    step,
    text: z.string(),
    toolCalls: z.array(z.string()).describe('call ids, in the order of the model'),
    finishReason: z.string(),
    usage,
    model: z.string(),
    responseId: z.string().nullable(),
    providerState: z.json().default(null).describe('what its provider wants to be shown again with this answer'),
  }),
  tool_call: z.object({
    step,
    callId: z.string(),
    tool: z.string(),
    input: z.json(),
    inputError: z.string().nullable().describe('why the input could not be read; the input is then the raw text'),
  }),
  tool_decision: z.object({
    callId: z.string(),
    effect: z.enum(policyEffects),
    reason: z.string(),
    rule: z.string().nullable(),
  }),
  approval_request: z.object({
    callId: z.string(),
    approvalId: z.string(),
    risk: z.enum(riskLevels),
    summary: z.string(),
    expiresAt: instant,
    why: z.enum(['policy', 'unknown_outcome']),
  }),
  approval_decision: z.object({
    callId: z.string(),
    approvalId: z.string(),
    status: z.enum(approvalStatuses),
    scope: z.enum(approvalScopes).nullable(),
    decidedBy: z.string().nullable(),
    reason: z.string().nullable(),
    editedInput: z.json().describe('null where the input was left as it was'),
    grantId: z.string().nullable(),
    grantExpiresAt: instant.nullable(),
  }),
  tool_start: z.object({
    callId: z.string(),
    tool: z.string(),
    attempt: z.int().positive(),
    idempotencyKey: z.string(),
  }),
  tool_progress: z.object({
    callId: z.string(),
    tool: z.string(),
    progress: z.number().describe('how far it is, in a unit of its own'),
    total: z.number().nullable().describe('where it ends, in the same unit; null where the tool does not say'),
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
    attachment: attachment.nullable(),
  }),
  compaction: z.object({
    artifactId: z.string(),
    tokensBefore: tokens,
    tokensAfter: tokens,
    model: z.string().default('').describe('which wrote the summary'),
    usage: usage
      .nullable()
      .default(null)
      .describe("of writing it; not part of the run's own, which is that of its outputs"),
  }),
  resumption: z.object({
    attempt: z
      .int()
      .positive()
      .describe("how often the run has been taken up again, or the step's answer broke off, this time included"),
    step,
    epoch: z.int().positive(),
    lost: z.boolean().describe('whether the executor before vanished, as against handing the run back'),
    reason: z.string(),
    brokeOff: z.boolean().default(false).describe("whether the model's answer broke off, its executor being well"),
  }),
} as const;

export type EventType = keyof typeof payloadSchemas;

export type PayloadOf<Type extends EventType> = z.infer<(typeof payloadSchemas)[Type]>;

/** An event that somebody decided on. */
export type NewEvent = { [Type in EventType]: { type: Type; actor: Actor; payload: PayloadOf<Type> } }[EventType];

/** An event with the time at which it counts as recorded. */
export type StampedEvent = NewEvent & {
  /** Epoch milliseconds; never before the event in front of it. */
  recordedAt: number;
};

/** An event with its place on a tape. */
export type SequencedEvent = StampedEvent & {
  runId: string;
  /** 1, 2, 3, … within the run. */
  seq: number;
  /** Lease under which an executor wrote it; null where somebody else did. */
  epoch: number | null;
};

/** An event as it stands on the tape, for good. */
export type RecordedEvent = SequencedEvent & {
  schemaVersion: number;
  /** SHA-256 over this event and the hash before it, in lower-case hex. */
  hash: string;
};

export type SequencedEventOf<Type extends EventType> = Extract<SequencedEvent, { type: Type }>;
export type EventOf<Type extends EventType> = Extract<RecordedEvent, { type: Type }>;
export type Json = z.infer<ReturnType<typeof z.json>>;

/** Seq of the newest event of its own run that a context showed to the model. */
export function lastShown({ runId, payload }: SequencedEventOf<'context'>): number {
  return payload.shown.to.runId === runId ? payload.shown.to.seq : 0;
}
