import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Clock } from '../../clock.ts';
import {
  SCHEMA_CHECK_MILLISECONDS,
  SCHEMA_COMPILE_MILLISECONDS,
  SCHEMA_MEMORY_MEGABYTES,
  SCHEMA_TIMEOUTS,
} from '../../config/limits.ts';
import type { Json } from '../../domain/events.ts';
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
  /** For the schemas of one party. After SCHEMA_TIMEOUTS timeouts, no schema of that party is used any more. */
  forParty(): CompileSchema;
  /** Why a schema cannot be used, as a phrase for its author; null if it can. Also checks the form of every keyword. */
  problemOf(schema: Schema): Promise<string | null>;
  /** Ends the worker thread. Checks in progress fail. */
  close(): Promise<void>;
}

const TOO_SLOW = 'the schemas of its author take too long';

interface Deadlines {
  compileMilliseconds: number;
  checkMilliseconds: number;
}

const usualDeadlines: Deadlines = {
  compileMilliseconds: SCHEMA_COMPILE_MILLISECONDS,
  checkMilliseconds: SCHEMA_CHECK_MILLISECONDS,
};

/** Starts the thread with the first schema, and again after a timeout. */
export function createSchemaChecker(clock: Pick<Clock, 'sleep'>, deadlines = usualDeadlines): SchemaChecker {
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
      worker ??= startWorker();
      const current = await worker;
      const answer = once(current, 'message', { signal });
      current.postMessage(request);
      const outcome = await Promise.race([answer, clock.sleep(milliseconds, signal).then(() => null)]);
      if (outcome !== null) return outcome[0];
    } catch {
      // The next request starts another thread.
    } finally {
      answered.abort();
    }
    await stop();
    return null;
  };
  /** One at a time, so that a deadline measures one request. */
  const askInTurn = (request: SchemaRequest, milliseconds: number) => {
    const answer = queue.then(() => ask(request, milliseconds));
    queue = answer.catch(() => {});
    return answer;
  };
  return {
    forParty: () => compilerOfParty(askInTurn, deadlines),
    async problemOf(schema) {
      const request = { schema: JSON.stringify(schema), subject: 'schema', isStrict: true };
      const answer = await askInTurn(request, deadlines.compileMilliseconds);
      if (answer === null) return `it could not be compiled within ${deadlines.compileMilliseconds} ms`;
      return 'failure' in answer ? answer.failure : null;
    },
    close: stop,
  };
}

function compilerOfParty(
  ask: (request: SchemaRequest, milliseconds: number) => Promise<SchemaAnswer | null>,
  { compileMilliseconds, checkMilliseconds }: Deadlines,
): CompileSchema {
  let timeouts = 0;
  return async (schema, subject) => {
    if (timeouts >= SCHEMA_TIMEOUTS) throw new Error(`It is not compiled: ${TOO_SLOW}.`);
    const request = { schema: JSON.stringify(schema), subject };
    const compiled = await ask(request, compileMilliseconds);
    if (compiled === null) {
      timeouts += 1;
      throw new Error(`It could not be compiled within ${compileMilliseconds} ms.`);
    }
    if ('failure' in compiled) throw new Error(compiled.failure);
    return async (value) => {
      if (timeouts >= SCHEMA_TIMEOUTS) return `${subject} cannot be checked: ${TOO_SLOW}`;
      const answer = await ask({ ...request, value }, checkMilliseconds);
      if (answer === null) {
        timeouts += 1;
        return `${subject} could not be checked within ${checkMilliseconds} ms`;
      }
      return 'failure' in answer ? `${subject} cannot be checked: ${answer.failure}` : answer.problem;
    };
  };
}

async function startWorker(): Promise<Worker> {
  const resourceLimits = { maxOldGenerationSizeMb: SCHEMA_MEMORY_MEGABYTES };
  const worker = new Worker(workerCode(), { eval: true, env: {}, resourceLimits });
  // It says that it is ready.
  await once(worker, 'message');
  worker.unref();
  return worker;
}

/** In the bundle, the worker is a file beside the program. When the program runs from its sources, tsx compiles the worker. */
function workerCode(): string {
  const isSource = import.meta.url.endsWith('.ts');
  const url = new URL(isSource ? './schema-worker.ts' : './schema-worker.js', import.meta.url).href;
  const load = `import(${JSON.stringify(url)})`;
  return isSource ? `import('tsx/esm/api').then(({ register }) => { register(); return ${load}; })` : load;
}
