import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { riskLevels } from '../../../src/domain/events.ts';
import { schema } from '../../../src/graphql/schema.ts';
import { policyOf, question } from './policy-request.ts';

const root = join(import.meta.dirname, '../../..');
const textOf = (path: string) => readFileSync(join(root, path), 'utf8');
const page = textOf('docs/policy.md');

const blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({
  language,
  text,
}));
const ofLanguage = (language: string) => blocks.filter((block) => block.language === language).map(({ text }) => text);

const cases = z.array(
  z.strictObject({
    tool: z.string(),
    source: z.string().optional(),
    risk: z.enum(riskLevels).optional(),
    input: z.json(),
    scopes: z.array(z.string()).optional(),
    agent: z.string().optional(),
    effect: z.string(),
    rules: z.array(z.string()),
  }),
);

describe('the page about policy', () => {
  const [builtin, ...examples] = ofLanguage('cedar');

  test('shows the built-in policy and the schema as they are', () => {
    expect(builtin).toBe(textOf('src/policy/builtin.cedar'));
    expect(ofLanguage('cedarschema')).toEqual([textOf('src/policy/schema.cedarschema')]);
  });

  test('has three examples, each with its cases', () => {
    expect(examples).toHaveLength(3);
    expect(ofLanguage('json')).toHaveLength(3);
  });

  test('asks what the API knows', () => {
    const [document = ''] = ofLanguage('graphql');
    expect(validate(schema, parse(document))).toEqual([]);
  });

  const judged = ofLanguage('json').flatMap((text, place) =>
    cases.parse(JSON.parse(text)).map((asked) => ({ ...asked, example: examples[place] ?? '' })),
  );

  test.each(judged)('example: $tool $input of $scopes is $effect', ({ example, effect, rules, ...asked }) => {
    const answer = policyOf(`${builtin}${example}`).evaluate(question(asked));
    expect(answer).toMatchObject({ effect, rules });
  });
});
