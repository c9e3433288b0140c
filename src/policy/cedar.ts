import { createRequire } from 'node:module';

type Cedar = typeof import('@cedar-policy/cedar-wasm/nodejs');

let loaded: Cedar | null = null;

/** The policy engine. It is loaded when it is first used, because it takes about 17 MB of memory and 80 ms. */
export function cedar(): Cedar {
  loaded ??= createRequire(import.meta.url)('@cedar-policy/cedar-wasm/nodejs') as Cedar;
  return loaded;
}
