// The entry of the worker thread that compiles and checks the schemas of other parties. It answers one request after another.
import { parentPort } from 'node:worker_threads';
import { LRUCache } from 'lru-cache';
import { processorMilliseconds } from '../../clock.ts';
import { SCHEMAS_IN_MEMORY } from '../../config/limits.ts';
import type { Json } from '../../domain/events.ts';
import { type CompiledSchema, checkForm, compileSchema } from './compile-schema.ts';

/** Without a value, the schema is only compiled. */
export interface SchemaRequest {
  /** JSON. */
  schema: string;
  subject: string;
  /** Whether the form of every keyword is checked, for the author of the schema. */
  isStrict?: boolean;
  value?: Json;
}

/** `failure` says why the schema cannot be compiled. */
type Outcome = { problem: string | null } | { failure: string };
/** `milliseconds`: the processor time of the process meanwhile. The thread worked no longer. */
export type SchemaAnswer = Outcome & { milliseconds: number };

const compiled = new LRUCache<string, CompiledSchema>({ max: SCHEMAS_IN_MEMORY });

function compile({ schema, subject }: SchemaRequest): CompiledSchema {
  const key = `${subject} ${schema}`;
  const known = compiled.get(key) ?? compileSchema(JSON.parse(schema), subject);
  compiled.set(key, known);
  return known;
}

function outcomeOf(request: SchemaRequest): Outcome {
  try {
    if (request.isStrict) checkForm(JSON.parse(request.schema));
    const check = compile(request);
    return { problem: request.value === undefined ? null : check(request.value) };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}

function answer(request: SchemaRequest): SchemaAnswer {
  const before = processorMilliseconds();
  return { ...outcomeOf(request), milliseconds: processorMilliseconds() - before };
}

parentPort?.on('message', (request: SchemaRequest) => parentPort?.postMessage(answer(request)));
parentPort?.postMessage('ready');
