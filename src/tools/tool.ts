import { z } from 'zod';
import { BUILTIN_SOURCE } from '../config/tools-config.ts';
import type { Json, RiskLevel } from '../domain/events.ts';

/** How far a call is, as its tool says. */
export interface ProgressReport {
  /** In a unit of the tool's own. */
  progress: number;
  /** Where it ends, in the same unit; null where that is not known. */
  total: number | null;
  message: string | null;
}

export interface ToolContext {
  /** Aborts at the time-out, and when the run is cancelled or its lease lost. */
  signal: AbortSignal;
  /** The same for every attempt at one call. */
  idempotencyKey: string;
  session: { id: string; owner: string };
  /** Tells whoever follows the run. Returns at once and never throws; absent where nobody would be told. */
  progress?(report: ProgressReport): void;
}

/** An input that was checked, or why it can not be used, in words that help the model to correct it. */
export type PreparedInput = { ok: true; input: Json } | { ok: false; error: string };

export interface Tool {
  /** What models call it by: 1 to 64 letters, digits, `_` and `-`. */
  name: string;
  description: string;
  /** JSON Schema of an object. */
  inputSchema: Json;
  risk: RiskLevel;
  /** Whether running it twice does no more than running it once. */
  idempotent: boolean;
  /** Whether it may run beside other calls of the same step. */
  parallelSafe: boolean;
  timeoutSeconds: number;
  /** `builtin`, or the name of the MCP server it comes from. */
  source: string;
  /** Checks an input before policy or a person is asked. Does nothing else. */
  prepare(input: Json): PreparedInput;
  /** Runs the call. What it throws becomes an error result: the message is shown to the model. */
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
  /** A reason why a well-formed input must not run, or null. */
  forbid?(input: Input): string | null;
  execute(input: Input, context: ToolContext): Promise<Json>;
}

/** A built-in tool from a zod schema: what the model is told and what is checked are the same thing. */
export function defineTool<Input>(definition: ToolDefinition<Input>): Tool {
  const { input: schema, forbid, execute, ...rest } = definition;
  return {
    ...rest,
    source: BUILTIN_SOURCE,
    inputSchema: z.json().parse(z.toJSONSchema(schema, { io: 'input' })),
    prepare(input) {
      const parsed = schema.safeParse(input);
      if (!parsed.success) return { ok: false, error: `Invalid input: ${z.prettifyError(parsed.error)}` };
      const forbidden = forbid?.(parsed.data) ?? null;
      return forbidden === null ? { ok: true, input } : { ok: false, error: forbidden };
    },
    execute: (input, context) => execute(schema.parse(input), context),
  };
}
