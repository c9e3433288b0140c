import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Provider } from '../../../src/database/database.ts';
import { describeSchema } from '../../../src/database/expected-schema.ts';
import { type Store, stores } from './both-stores.ts';

/** Indexes, triggers, functions and constraints that Prisma does not compare, with their definitions. Full-text search aside. */
const definitionSql: Record<Provider, string> = {
  sqlite: `
    SELECT "name", "sql" AS "definition" FROM sqlite_master
      WHERE "type" IN ('index', 'trigger') AND "sql" IS NOT NULL AND "name" NOT LIKE 'Passage_words%'
    UNION ALL
    SELECT "name" || ' checks', "sql" FROM sqlite_master WHERE "type" = 'table' AND "sql" LIKE '%CHECK%' AND "name" NOT LIKE 'Passage_words%'
    UNION ALL
    SELECT t."name" || '.' || f."from" || ' reference',
        'REFERENCES ' || f."table" || ' ON DELETE ' || f."on_delete" || ' ON UPDATE ' || f."on_update"
      FROM sqlite_master AS t JOIN pragma_foreign_key_list(t."name") AS f WHERE t."type" = 'table'`,
  postgresql: `
    SELECT indexname::text AS "name", indexdef AS "definition" FROM pg_indexes
      WHERE schemaname = 'public' AND tablename NOT LIKE '%prisma%' AND tablename <> 'Passage_words'
    UNION ALL
    SELECT tgname::text, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT proname::text, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT conname::text || ' ' || contype::text, pg_get_constraintdef(oid) FROM pg_constraint
      WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f') AND conrelid::regclass::text NOT LIKE '%prisma%'`,
};

interface Definition {
  name: string;
  definition: string;
}

async function definitionsOf({ database }: Store): Promise<Definition[]> {
  const rows = await database.reader.$queryRawUnsafe<Definition[]>(definitionSql[database.provider]);
  return rows
    .map(({ name, definition }) => ({ name, definition: definition.replace(/\s+/g, ' ').trim() }))
    .sort((left, right) => (`${left.name} ${left.definition}` < `${right.name} ${right.definition}` ? -1 : 1));
}

// Read a difference as a change of what the database enforces, or of what it has to search.
test.each(stores)(
  'the definitions of indexes, triggers and constraints on %s are those of the golden file',
  async (provider, open) => {
    const definitions = await definitionsOf(await open());
    const text = definitions.map(({ name, definition }) => `${name}\n  ${definition}\n`).join('\n');
    await expect(text).toMatchFileSnapshot(
      fileURLToPath(new URL(`../../data/definitions-${provider}.txt`, import.meta.url)),
    );
  },
);

/** An index without the notation of either store: `unique Run (sessionId) where AWAITING_APPROVAL, IN_PROGRESS, state`. */
function normalised(definition: string): string | null {
  const match =
    /^CREATE (UNIQUE )?INDEX \S+ ON (?:public\.)?"?(\w+)"?(?: USING btree )?\s*\((.*?)\)(?: WHERE (.*))?$/.exec(
      definition,
    );
  if (!match) return null;
  const [, unique, table, columns = '', condition = ''] = match;
  const notation = /^(IN|ANY|ARRAY|RunState|text)$/;
  const words = [...new Set(condition.match(/\w+/g))].filter((word) => !notation.test(word)).sort();
  return `${unique ? 'unique ' : ''}${table} (${columns.replaceAll('"', '')}) where ${words.join(', ')}`;
}

test('each index has the same columns and the same condition on both stores', async () => {
  const [sqlite, postgresql] = await Promise.all(stores.map(async ([, open]) => definitionsOf(await open())));
  const indexes = (definitions: Definition[] = []) =>
    definitions.flatMap(({ name, definition }) => {
      const index = normalised(definition);
      return index === null || name.endsWith('_pkey') ? [] : [`${name}: ${index}`];
    });
  expect(indexes(sqlite)).toContain('Run_active: unique Run (sessionId) where AWAITING_APPROVAL, IN_PROGRESS, state');
  expect(indexes(postgresql)).toEqual(indexes(sqlite));
});

// A server refuses a database whose schema differs from this file. It changes only together with a new migration.
test.each(stores)(
  'the schema that the migrations lead to on %s is the one that a server expects',
  async (provider, open) => {
    const { database } = await open();
    const lines = await describeSchema(database);
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(
      fileURLToPath(new URL(`../../../prisma/${provider}/schema.txt`, import.meta.url)),
    );
  },
);
