import type { Catalogue } from './catalogue.ts';

/** A catalogue that stays open until it is released. */
export interface HeldCatalogue {
  catalogue: Catalogue;
  release(): void;
}

/**
 * The catalogue in use, which a reload replaces. Its members are those of the newest catalogue. An earlier one stays open until
 * everything that holds it has released it. Disposing closes all of them, also those that are held.
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
  /** Settles when it is closed; null while it is open. */
  closed: Promise<void> | null;
}

export function createCurrentCatalogue(initial: ClosableCatalogue): CurrentCatalogue {
  const generations = new Set<Generation>();
  let newest = add(initial);

  function add(catalogue: ClosableCatalogue): Generation {
    const generation = { catalogue, holders: 1, closed: null };
    generations.add(generation);
    return generation;
  }

  function close(generation: Generation): Promise<void> {
    generation.closed ??= closeCatalogue(generation.catalogue).then(() => void generations.delete(generation));
    return generation.closed;
  }

  /** If closing fails, disposing reports it. */
  function release(generation: Generation): void {
    generation.holders -= 1;
    if (generation.holders === 0) close(generation).catch(() => {});
  }

  return {
    get defaultName() {
      return newest.catalogue.defaultName;
    },
    get names() {
      return newest.catalogue.names;
    },
    find: (name) => newest.catalogue.find(name),
    hold() {
      const held = newest;
      held.holders += 1;
      return { catalogue: held.catalogue, release: () => release(held) };
    },
    replace(next) {
      const previous = newest;
      newest = add(next);
      release(previous);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...generations].map(close));
    },
  };
}

async function closeCatalogue(catalogue: ClosableCatalogue): Promise<void> {
  await catalogue[Symbol.asyncDispose]?.();
}
