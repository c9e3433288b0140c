import type { Catalogue, CatalogueEntry } from './catalogue.ts';

/** A catalogue that stays open until it is released. */
export interface HeldCatalogue {
  catalogue: Catalogue;
  release(): void;
}

/**
 * The catalogue in use, which a reload replaces. Its members are those of the newest catalogue. An earlier one stays open until
 * everything that holds it has released it.
 */
export interface CurrentCatalogue extends Catalogue, AsyncDisposable {
  /** Keeps the newest catalogue open. Release it exactly once. */
  hold(): HeldCatalogue;
  replace(next: ClosableCatalogue): void;
}

/** Disposing it closes the connections of its models, if it has any. */
export type ClosableCatalogue = Catalogue & Partial<AsyncDisposable>;

/** One catalogue and the number of its holders. The newest has one more, this object. */
interface Generation {
  catalogue: ClosableCatalogue;
  holders: number;
}

export function createCurrentCatalogue(initial: ClosableCatalogue): CurrentCatalogue {
  let newest: Generation = { catalogue: initial, holders: 1 };
  const closing = new Set<Promise<void>>();

  function release(generation: Generation): void {
    generation.holders -= 1;
    if (generation.holders > 0) return;
    const closed = close(generation.catalogue).finally(() => closing.delete(closed));
    closing.add(closed);
  }

  return {
    get defaultName() {
      return newest.catalogue.defaultName;
    },
    get names() {
      return newest.catalogue.names;
    },
    find: (name): CatalogueEntry | null => newest.catalogue.find(name),
    hold() {
      const held = newest;
      held.holders += 1;
      return { catalogue: held.catalogue, release: () => release(held) };
    },
    replace(next) {
      const previous = newest;
      newest = { catalogue: next, holders: 1 };
      release(previous);
    },
    async [Symbol.asyncDispose]() {
      release(newest);
      await Promise.all(closing);
    },
  };
}

async function close(catalogue: ClosableCatalogue): Promise<void> {
  await catalogue[Symbol.asyncDispose]?.();
}
