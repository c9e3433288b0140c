import { z } from 'zod';
import { BUILTIN_SOURCE } from '../config/tools-config.ts';
import type { AskedQuestion, DelegatedKind, Json, RiskLevel } from '../domain/events.ts';

/** How far a call is, as its tool reports it. */
export interface ProgressReport {
  /** In a unit of the tool. */
  progress: number;
  /** The value of `progress` at the end; null if unknown. */
  total: number | null;
  message: string | null;
}

/** What a running tool asks a person. */
export interface ToolQuestion {
  prompt: string;
  answerSchema: { [key: string]: Json };
  /** A link that the person opens to answer; null without one. */
  url: string | null;
}

/** What the person did with the question of a running tool. */
export type ToolAnswer = { action: 'ANSWER'; answer: Json } | { action: 'DECLINE' | 'CANCEL'; reason: string | null };

export interface ToolContext {
  /** Aborts at the timeout, when the run is cancelled, and when this server loses the lease of the run. */
  signal: AbortSignal;
  /** The same in every attempt at one call. */
  idempotencyKey: string;
  session: { id: string; owner: string };
  /** The header `traceparent` of requests that the call makes; missing unless traces are exported. */
  traceParent?: string | undefined;
  /** Records a report on the tape, unless there are too many. Returns at once and never throws. */
  progress?(report: ProgressReport): void;
  /**
   * Asks a person while the tool runs, and resolves with the reply. The time does not count against the timeout. Rejects if nobody
   * replies in time, and when `unneeded` or the signal of the call aborts. Missing where nobody can be asked.
   */
  ask?(question: ToolQuestion, unneeded: AbortSignal): Promise<ToolAnswer>;
  /** Does work whose time does not count against the timeout. */
  untimed?<Result>(work: () => Promise<Result>): Promise<Result>;
}

/** What a call reaches, in a canonical form, so that each target has one spelling. */
export interface CallTarget {
  /** For people, in full: `GET https://example.com/page`. */
  text: string;
  /** What a grant can be bound to: `GET https://example.com`. */
  grantable: string;
}

/** A valid input, or an error that helps the model to correct it. */
export type PreparedInput = { ok: true; input: Json } | { ok: false; error: string };

/** Who gives the result of a call instead of the gateway. */
export interface Delegation {
  kind: DelegatedKind;
  /** How long the call waits; null for the time of every other wait. */
  timeoutSeconds: number | null;
  /** What a person is asked, for an accepted input. */
  question?(input: Json): Omit<AskedQuestion, 'source' | 'url'>;
}

/**
 * A tool that models can call. The name, the description, the schema and the risk are fixed: a changed tool is a new object.
 *
 * `prepare` runs before policy is evaluated and before a person is asked. `execute` gets an input that `prepare` accepted. It
 * runs at most once for a call, unless the tool is idempotent or a person allowed a repetition. After `signal` has aborted,
 * nothing waits for its result.
 */
export interface Tool {
  /** 1 to 64 letters, digits, `_` and `-`. Unique within the toolbox. */
  name: string;
  description: string;
  /** JSON Schema of an object. */
  inputSchema: Json;
  risk: RiskLevel;
  /** Whether a second execution has no further effect. Then an interrupted call is repeated without asking. */
  idempotent: boolean;
  /** Whether it can run at the same time as other calls of the step. */
  parallelSafe: boolean;
  timeoutSeconds: number;
  /** Whether its input keeps the placeholders of credentials, because it is stored or searched for here. */
  keepsPlaceholders?: boolean;
  /** `builtin`, `client`, or the name of the MCP server. */
  source: string;
  /** Missing if the gateway executes the call. Otherwise the call waits, and `execute` is never called. */
  delegation?: Delegation;
  /**
   * Validates an input. Has no effect, and never throws or rejects.
   *
   * @param owner the principal whose session the call belongs to
   */
  prepare(input: Json, owner: string): PreparedInput | Promise<PreparedInput>;
  /** What a call with an accepted input reaches. Pure. A tool without it has no targets. */
  target?(input: Json): CallTarget | null;
  /** Executes the call. A rejection becomes an error result, and the model sees its message. */
  execute(input: Json, context: ToolContext): Promise<Json>;
}

interface ToolDefinition<Input> {
  name: string;
  description: string;
  input: z.ZodType<Input>;
  risk: RiskLevel;
  idempotent: boolean;
  parallelSafe: boolean;
  timeoutSeconds: number;
  keepsPlaceholders?: boolean;
  /** Returns an error if a well-formed input is not allowed, or null. */
  refuse?(input: Input): string | null;
  target?(input: Input): CallTarget;
  execute(input: Input, context: ToolContext): Promise<Json>;
}

const jsonSchemas = new WeakMap<z.ZodType, Json>();

/** Computed once for a schema, because each server of a process creates the tools. */
function jsonSchemaOf(schema: z.ZodType): Json {
  const known = jsonSchemas.get(schema);
  if (known !== undefined) return known;
  const created = z.json().parse(z.toJSONSchema(schema, { io: 'input' }));
  jsonSchemas.set(schema, created);
  return created;
}

/** Creates a built-in tool. The zod schema is both what models see and what inputs are validated against. */
export function defineTool<Input>(definition: ToolDefinition<Input>): Tool {
  const { input: schema, refuse, target, execute, ...rest } = definition;
  return {
    ...rest,
    source: BUILTIN_SOURCE,
    inputSchema: jsonSchemaOf(schema),
    prepare(input) {
      const parsed = schema.safeParse(input);
      if (!parsed.success) return { ok: false, error: `Invalid input: ${z.prettifyError(parsed.error)}` };
      const error = refuse?.(parsed.data) ?? null;
      return error === null ? { ok: true, input } : { ok: false, error };
    },
    ...(target && {
      target(input) {
        const parsed = schema.safeParse(input);
        return parsed.success ? target(parsed.data) : null;
      },
    }),
    execute: (input, context) => execute(schema.parse(input), context),
  };
}
