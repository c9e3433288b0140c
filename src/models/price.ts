import type { ModelUsage, Price } from './model.ts';

/** What one call costs, in the catalogue's currency. */
export function costOf({ input, output, cachedInput }: ModelUsage, price: Price): number {
  const cached = cachedInput ?? 0;
  const fresh = (input - cached) * price.inputPerMillion + output * price.outputPerMillion;
  return (fresh + cached * (price.cachedInputPerMillion ?? price.inputPerMillion)) / 1e6;
}
