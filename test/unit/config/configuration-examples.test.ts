import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readConfiguration } from '../../../src/config/configuration.ts';

const root = join(import.meta.dirname, '../../..');
const docs = readdirSync(join(root, 'docs')).map((name) => `docs/${name}`);
const pages = [
  'README.md',
  'SECURITY.md',
  'examples/mcp-approval/README.md',
  ...docs.filter((name) => name.endsWith('.md')),
];

/** The blocks of JSON objects on a page, each with the text since the heading before it. Arrays are examples of policies. */
function blocksOf(page: string): { name: string; introduction: string; json: string }[] {
  const text = readFileSync(join(root, page), 'utf8');
  return [...text.matchAll(/```json\n(\{.*?)```/gs)].map(({ index, 1: json = '' }) => {
    const before = `\n${text.slice(0, index)}`;
    const line = before.split('\n').length - 1;
    return { name: `${page}:${line}`, introduction: before.slice(before.lastIndexOf('\n#')), json };
  });
}

const blocks = pages.flatMap(blocksOf);
const environment = {
  ANTHROPIC_API_KEY: 'x',
  OPENAI_API_KEY: 'x',
  AWS_ACCESS_KEY_ID: 'x',
  AWS_SECRET_ACCESS_KEY: 'x',
};

describe('an example of the configuration', () => {
  test('is on several pages', () => expect(blocks.length).toBeGreaterThanOrEqual(4));

  test.each(blocks)('$name is a file that the server accepts as it is', ({ json }) => {
    const outcome = readConfiguration(environment, () => json);
    expect(outcome.ok ? [] : outcome.problems).toEqual([]);
  });

  test.each(blocks)('$name says in which file it belongs', ({ introduction }) => {
    expect(introduction).toContain('runtape.config.json');
  });
});
