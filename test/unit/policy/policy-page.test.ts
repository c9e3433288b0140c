import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { riskLevels } from '../../../src/domain/events.ts';
import { schema } from '../../../src/graphql/schema.ts';
import { policyOf } from './given-policy.ts';
import { policyRequest } from './policy-request.ts';

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
    sessionMetadata: z.record(z.string(), z.string()).optional(),
    messageMetadata: z.record(z.string(), z.string()).optional(),
    effect: z.string(),
    rules: z.array(z.string()),
  }),
);

describe('docs/policy.md', () => {
  const [builtin, ...examples] = ofLanguage('cedar');

  test('shows the built-in policy and the schema', () => {
    expect(builtin).toBe(textOf('src/policy/builtin.cedar'));
    expect(ofLanguage('cedarschema')).toEqual([textOf('src/policy/schema.cedarschema')]);
  });

  test('has four examples with cases', () => {
    expect(examples).toHaveLength(4);
    expect(ofLanguage('json')).toHaveLength(4);
  });

  test('has a valid query', () => {
    const [document = ''] = ofLanguage('graphql');
    expect(validate(schema, parse(document))).toEqual([]);
  });

  const exampleCases = ofLanguage('json').flatMap((text, index) =>
    cases.parse(JSON.parse(text)).map((options) => ({ ...options, example: examples[index] ?? '' })),
  );

  test.each(exampleCases)('example: $tool $input with $scopes is $effect', ({ example, effect, rules, ...options }) => {
    const decision = policyOf(`${builtin}${example}`).evaluate(policyRequest(options));
    expect(decision).toMatchObject({ effect, rules });
  });
});
