import DataLoader from 'dataloader';

export type Loader<Value> = DataLoader<string, Value>;

/** Ids in one statement; databases limit the number of parameters. */
export const MAX_BATCH_SIZE = 500;

/** Loads a value for each key. @param defaultValue of a key without a value */
export function batchLoader<Value, Default>(
  readBatch: (keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>,
  defaultValue: Default,
): Loader<Value | Default> {
  return new DataLoader(
    async (keys) => {
      const values = await readBatch(keys);
      return keys.map((key) => values.get(key) ?? defaultValue);
    },
    { maxBatchSize: MAX_BATCH_SIZE },
  );
}

/** Loads what waits are about, by their rows. Access was checked when the rows were loaded. */
export function contentLoader<Row extends { id: string }, Content>(
  readContents: (rows: readonly Row[]) => Promise<ReadonlyMap<string, Content>>,
): DataLoader<Row, Content, string> {
  return new DataLoader<Row, Content, string>(
    async (rows) => {
      const contents = await readContents(rows);
      return rows.map(({ id }) => contents.get(id) ?? new Error(`The content of ${id} was not read.`));
    },
    { cacheKeyFn: ({ id }) => id, maxBatchSize: MAX_BATCH_SIZE },
  );
}

/**
 * Loads pages of lists that each belong to one object. The fields of a document ask for the same kind of page of every object, and
 * such pages are one read.
 *
 * @param kindOf what the pages of one read must have in common
 */
export function pageLoader<Key extends object, Page>(
  kindOf: (key: Key) => unknown,
  readPages: (keys: readonly [Key, ...Key[]]) => Promise<readonly Page[]>,
): DataLoader<Key, Page, string> {
  return new DataLoader<Key, Page, string>(
    async (keys) => {
      const pages = new Map<Key, Page>();
      for (const [first, ...others] of groupBy(keys, (key) => JSON.stringify(kindOf(key))).values()) {
        if (!first) continue;
        const read = await readPages([first, ...others]);
        for (const [index, key] of [first, ...others].entries()) {
          const page = read[index];
          if (page !== undefined) pages.set(key, page);
        }
      }
      return keys.map((key) => pages.get(key) ?? new Error(`The page ${JSON.stringify(key)} was not read.`));
    },
    { cacheKeyFn: (key) => JSON.stringify(key), maxBatchSize: MAX_BATCH_SIZE },
  );
}

export function keyBy<Row>(rows: readonly Row[], keyOf: (row: Row) => string): Map<string, Row> {
  return new Map(rows.map((row) => [keyOf(row), row]));
}

export function groupBy<Row>(rows: readonly Row[], keyOf: (row: Row) => string): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row));
    if (group) group.push(row);
    else groups.set(keyOf(row), [row]);
  }
  return groups;
}
