import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';

type Cedar = typeof import('@cedar-policy/cedar-wasm/nodejs');

let engine: Cedar | null = null;

/**
 * Cedar, loaded where a policy is read: before a server listens, since everybody would have to wait meanwhile. Its
 * WebAssembly is compiled by V8's baseline compiler alone: a judgement may take twice as long, and the process is 50 MB
 * smaller, which the optimising compiler would take once and never give back.
 */
export function cedar(): Cedar {
  if (engine !== null) return engine;
  setFlagsFromString('--liftoff-only');
  try {
    engine = createRequire(import.meta.url)('@cedar-policy/cedar-wasm/nodejs') as Cedar;
    return engine;
  } finally {
    // The flag has set the other two; modules of others are compiled as before.
    for (const flag of ['--no-liftoff-only', '--wasm-tier-up', '--wasm-dynamic-tiering']) setFlagsFromString(flag);
  }
}
