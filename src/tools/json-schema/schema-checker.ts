import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { LRUCache } from 'lru-cache';
import { type Clock, processorMilliseconds } from '../../clock.ts';
import {
  SCHEMA_AUTHORS,
  SCHEMA_CHECK_MILLISECONDS,
  SCHEMA_COMPILE_MILLISECONDS,
  SCHEMA_MEMORY_MEGABYTES,
  SCHEMA_PRINCIPAL_SECONDS,
  SCHEMA_TIMEOUTS,
} from '../../config/limits.ts';
import type { Json } from '../../domain/events.ts';
import { startWorker } from '../../worker.ts';
import type { SchemaAnswer, SchemaRequest } from './schema-worker.ts';

/**
 * Why a value does not match a schema, as a phrase like `input/name must be string`; null if it matches. Never rejects: a check
 * that takes too long is a problem as well.
 */
export type SchemaCheck = (value: Json) => Promise<string | null>;

type Schema = Readonly<Record<string, unknown>>;

/**
 * Compiles a schema. Rejects if it is invalid, too deep, or takes too long to compile.
 *
 * @param subject what the value is, in the phrases of the check
 */
export type CompileSchema = (schema: Schema, subject: string) => Promise<SchemaCheck>;

/** Compiles and checks schemas of other parties in a worker thread, so that a slow one never holds this thread. */
export interface SchemaChecker {
  /**
   * For the schemas of one party. After SCHEMA_TIMEOUTS timeouts, no schema of that party is used any more. Slow requests count as parts
   * of a timeout: all parties share one thread.
   *
   * @param principal whose schemas they are. All of its requests count for SCHEMA_PRINCIPAL_SECONDS.
   */
  forParty(principal?: string): CompileSchema;
  /** Why a schema of a principal cannot be used, as a phrase for it; null if it can. Also checks the form of every keyword. */
  problemOf(schema: Schema, principal: string): Promise<string | null>;
  /** Ends the worker thread. Checks in progress fail. */
  close(): Promise<void>;
}

const resourceLimits = { maxOldGenerationSizeMb: SCHEMA_MEMORY_MEGABYTES };
const TOO_SLOW = 'the schemas of its author take too long';

/** In processor time. */
interface Deadlines {
  compileMilliseconds: number;
  checkMilliseconds: number;
}

const usualDeadlines: Deadlines = {
  compileMilliseconds: SCHEMA_COMPILE_MILLISECONDS,
  checkMilliseconds: SCHEMA_CHECK_MILLISECONDS,
};

/** What a party took of the time of all. */
interface Slowness {
  timeouts: number;
  /** Requests whose work takes a smaller part of their deadline do not count. Others count as parts of a timeout. */
  leastPart: number;
}

const isTooSlow = ({ timeouts }: Slowness) => timeouts >= SCHEMA_TIMEOUTS;

/** A deadline in processor time lasts at most so many times as long. */
const LONGEST_DEADLINE = 5;

/** Resolves when this process has used so much processor time: a frozen process, or a busy machine, is not the fault of a schema. */
async function untilUsed(clock: Pick<Clock, 'sleep'>, milliseconds: number, signal: AbortSignal): Promise<void> {
  const before = processorMilliseconds();
  let left = milliseconds;
  for (let wait = 0; wait < LONGEST_DEADLINE && left > 0; wait += 1) {
    await clock.sleep(left, signal);
    left = before + milliseconds - processorMilliseconds();
  }
}

/** The tools of one MCP server have many schemas, which are compiled whenever it starts. */
const LEAST_PART_OF_SERVERS = 0.25;
const LEAST_PART_OF_PRINCIPALS = 0.1;

/** Null if the request timed out. */
type AskInTurn = (
  slowness: Slowness,
  request: SchemaRequest,
  milliseconds: number,
) => Promise<SchemaAnswer | { refused: string } | null>;

/** Starts the thread with the first schema, and again after a timeout. */
export function createSchemaChecker(clock: Pick<Clock, 'sleep'>, deadlines = usualDeadlines): SchemaChecker {
  const principals = new LRUCache<string, Slowness>({ max: SCHEMA_AUTHORS, ttl: SCHEMA_PRINCIPAL_SECONDS * 1000 });
  const slownessOf = (principal: string): Slowness => {
    const slowness = principals.get(principal) ?? { timeouts: 0, leastPart: LEAST_PART_OF_PRINCIPALS };
    if (!principals.has(principal)) principals.set(principal, slowness);
    return slowness;
  };
  let worker: Promise<Worker> | null = null;
  let queue: Promise<unknown> = Promise.resolve();
  const stop = async () => {
    const stopping = worker;
    worker = null;
    await (await stopping?.catch(() => null))?.terminate();
  };
  /** Resolves with null at the deadline, and when the thread fails, as it does without memory. */
  const ask = async (request: SchemaRequest, milliseconds: number): Promise<SchemaAnswer | null> => {
    const answered = new AbortController();
    const { signal } = answered;
    try {
      worker ??= startWorker('schema-worker', import.meta.url, { resourceLimits });
      const current = await worker;
      const answer = once(current, 'message', { signal });
      current.postMessage(request);
      const outcome = await Promise.race([answer, untilUsed(clock, milliseconds, signal).then(() => null)]);
      if (outcome !== null) return outcome[0];
    } catch {
      // The next request starts another thread.
    } finally {
      answered.abort();
    }
    await stop();
    return null;
  };
  const measured = async (slowness: Slowness, request: SchemaRequest, milliseconds: number) => {
    // Requests that were waiting when the last slow one ended.
    if (isTooSlow(slowness)) return { refused: TOO_SLOW } as const;
    const answer = await ask(request, milliseconds);
    const part = answer === null ? 1 : answer.milliseconds / milliseconds;
    if (part >= slowness.leastPart) slowness.timeouts += part;
    return answer;
  };
  /** One at a time, so that a deadline measures one request. */
  const askInTurn: AskInTurn = (slowness, request, milliseconds) => {
    const answer = queue.then(() => measured(slowness, request, milliseconds));
    queue = answer.catch(() => {});
    return answer;
  };
  return {
    forParty: (principal) =>
      compilerOfParty(
        askInTurn,
        principal === undefined ? { timeouts: 0, leastPart: LEAST_PART_OF_SERVERS } : slownessOf(principal),
        deadlines,
      ),
    async problemOf(schema, principal) {
      const request = { schema: JSON.stringify(schema), subject: 'schema', isStrict: true };
      const answer = await askInTurn(slownessOf(principal), request, deadlines.compileMilliseconds);
      if (answer !== null && 'refused' in answer) return answer.refused;
      if (answer === null) return `it could not be compiled within ${deadlines.compileMilliseconds} ms`;
      return 'failure' in answer ? answer.failure : null;
    },
    close: stop,
  };
}

function compilerOfParty(
  ask: AskInTurn,
  slowness: Slowness,
  { compileMilliseconds, checkMilliseconds }: Deadlines,
): CompileSchema {
  return async (schema, subject) => {
    const request = { schema: JSON.stringify(schema), subject };
    const compiled = await ask(slowness, request, compileMilliseconds);
    if (compiled === null) throw new Error(`It could not be compiled within ${compileMilliseconds} ms.`);
    if ('refused' in compiled) throw new Error(`It is not compiled: ${compiled.refused}.`);
    if ('failure' in compiled) throw new Error(compiled.failure);
    return async (value) => {
      const answer = await ask(slowness, { ...request, value }, checkMilliseconds);
      if (answer === null) return `${subject} could not be checked within ${checkMilliseconds} ms`;
      if ('problem' in answer) return answer.problem;
      return `${subject} cannot be checked: ${'refused' in answer ? answer.refused : answer.failure}`;
    };
  };
}
