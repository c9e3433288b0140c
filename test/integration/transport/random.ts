/** Whole numbers below a bound, the same ones for the same seed. The seed is printed, so that a failure can be had again. */
export function seededRandom(what: string): (below: number) => number {
  const seed = Number(process.env.RUNTAPE_SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`${what}: RUNTAPE_SEED=${seed}`);
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
