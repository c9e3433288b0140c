/** A source of random numbers that a seed determines completely. */
export interface Random {
  /** At least 0 and less than 1. */
  next(): number;
  chance(probability: number): boolean;
  /** Both bounds are inclusive. */
  int(low: number, high: number): number;
  pick<Item>(items: readonly Item[]): Item;
}

/** The generator `mulberry32`. @param seed an unsigned 32-bit integer */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (low: number, high: number) => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    int,
    chance: (probability) => next() < probability,
    pick(items) {
      const item = items[int(0, items.length - 1)];
      if (item === undefined) throw new Error('There is nothing to pick from.');
      return item;
    },
  };
}
