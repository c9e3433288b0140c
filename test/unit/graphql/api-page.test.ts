import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, validate } from 'graphql';
import { expect, test } from 'vitest';
import { schema } from '../../../src/graphql/schema.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/api.md'), 'utf8');
const documents = [...page.matchAll(/^```graphql\n(.*?)^```$/gms)].map(([, text = '']) => text);

test('docs/api.md has documents', () => expect(documents.length).toBeGreaterThan(2));

test.each(documents)('docs/api.md has the valid document %s', (text) => {
  expect(validate(schema, parse(text))).toEqual([]);
});
