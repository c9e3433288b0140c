// Runs a command of the built program, which sets the V8 flags, and then what aborted servers under load on Node 20 to 23: code
// that contains an inlined WebAssembly call is deoptimised during that call. Prints `alive` if the process survives.
import '../../../dist/main.js';

// (module (import "outside" "given" (func $given))
//   (func (export "call") (param externref) (result externref) (call $given) (local.get 0)))
const header = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const types = [1, 9, 2, 0x60, 0, 0, 0x60, 1, 0x6f, 1, 0x6f];
const text = (value) => [value.length, ...Buffer.from(value)];
const section = (id, bytes) => [id, bytes.length, ...bytes];
const module = new WebAssembly.Module(
  new Uint8Array([
    ...header,
    ...types,
    ...section(2, [1, ...text('outside'), ...text('given'), 0, 0]),
    ...section(3, [1, 1]),
    ...section(7, [1, ...text('call'), 0, 1]),
    ...section(10, [1, 6, 0, 0x10, 0, 0x20, 0, 0x0b]),
  ]),
);

class Counter {
  get step() {
    return 1;
  }
}

let callback = () => {};
const { call } = new WebAssembly.Instance(module, { outside: { given: () => callback() } }).exports;
const counter = new Counter();
const hot = (value) => (call(value) === value ? counter.step : 0);

const CALLS_UNTIL_HOT = 2_000_000;
for (let count = 0; count < CALLS_UNTIL_HOT; count += 1) hot(counter);
// Invalidates the assumption that `hot` was compiled with.
callback = () => Object.defineProperty(Counter.prototype, 'step', { get: () => 2 });
process.stdout.write(hot(counter) === 2 ? 'alive\n' : 'wrong\n');
