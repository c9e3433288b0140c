/** The newest Node whose V8 is known to have the flags below. */
const NEWEST_KNOWN_NODE = 26;

/**
 * Flags for the V8 of a Node version such as `20.19.0`, to be set before any WebAssembly is compiled. A Node that is newer
 * than the known ones gets none, because V8 renames and removes flags between versions.
 */
export function v8FlagsFor(nodeVersion: string): readonly string[] {
  const major = Number.parseInt(nodeVersion, 10);
  if (!(major <= NEWEST_KNOWN_NODE)) return [];
  // WebAssembly is compiled by the baseline compiler only. The query compiler and the policy engine gain little from the
  // optimising compiler, which takes about 40 MB.
  const flags = ['--liftoff-only'];
  // The heap is collected when it has grown by half. V8 would let it grow to several times what is live, because most of it is
  // short-lived. This trades processor time for memory.
  flags.push('--heap-growing-percent=50');
  // V8 before 13 inlines frequent calls from JavaScript to WebAssembly, and aborts the process ("unreachable code") when such
  // code is deoptimised during the call. It happened in the query compiler after minutes under load, on Node 20 to 23.
  if (major < 24) flags.push('--no-turbo-inline-js-wasm-calls');
  return flags;
}
