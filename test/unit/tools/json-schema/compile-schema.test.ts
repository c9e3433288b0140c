import { describe, expect, test } from 'vitest';
import { checkForm, compileSchema as compile } from '../../../../src/tools/json-schema/compile-schema.ts';

const compileSchema = (schema: Record<string, unknown>) => compile(schema, 'it');

const nested = (levels: number): Record<string, unknown> =>
  levels === 0 ? { type: 'string' } : { properties: { a: nested(levels - 1) } };

/** More than a deadline, because the machine may be busy; far less than the time that the schemas below would take. */
const MAX_MILLISECONDS = 2000;

function timed<Result>(work: () => Result): Result {
  const startedAt = performance.now();
  const result = work();
  expect(performance.now() - startedAt).toBeLessThan(MAX_MILLISECONDS);
  return result;
}

test('B35: a value is compared with the schema, and all problems are reported', () => {
  const check = compileSchema({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'https://example.com/schema',
    type: 'object',
    properties: { id: { type: 'integer' }, when: { type: 'string', format: 'date' }, kind: { enum: ['a', 'b'] } },
    required: ['id'],
    additionalProperties: false,
  });
  expect(check({ id: 1, when: '2026-01-31' })).toBeNull();
  expect(check({ when: 'tomorrow', data: 1, kind: 'c' })).toMatch(
    /required property 'id'.*additional properties \("data"\).*\/when must match format "date".*\/kind .*\(\["a","b"\]\)/,
  );
  expect(check('text')).toBe('it must be object');
});

describe('a schema of another party', () => {
  test('runs its patterns in linear time', () => {
    const texts = ['^(a+)+$', '^(a|a)*$', '^(a|aa)+$', '^(.*a){12}$', '(x+x+)+y'];
    for (const pattern of texts) {
      const check = compileSchema({ type: 'string', pattern });
      expect(
        timed(() => check(`${'a'.repeat(60)}!`)),
        pattern,
      ).toMatch(/^it must match pattern/);
      expect(
        timed(() => check(`${'x'.repeat(5000)}!`)),
        pattern,
      ).toMatch(/^it must match pattern/);
    }
    const properties = compileSchema({
      patternProperties: { '^(a+)+$': { type: 'string' } },
      additionalProperties: false,
    });
    expect(timed(() => properties({ [`${'a'.repeat(60)}!`]: 1 }))).toMatch(/additional properties/);
    expect(properties({ aaa: 1 })).toBe('it/aaa must be string');
  });

  test.each(['^(?=a)(b+)+$', '(a)\\1', '^.{1,4096}$', `a{1,${'9'.repeat(2000)}}`, '('])(
    'is used without the pattern %s, which RE2 does not have',
    (pattern) => {
      const check = compileSchema({ type: 'string', pattern, maxLength: 3 });
      expect(check('xyz')).toBeNull();
      expect(check('wxyz')).toBe('it must NOT have more than 3 characters');
      const named = compileSchema({
        patternProperties: { [pattern]: { type: 'string' } },
        additionalProperties: false,
      });
      expect(named({ any: 1 })).toBeNull();
    },
  );

  test('keeps a property that is called pattern', () => {
    const check = compileSchema({ properties: { pattern: { type: 'string', pattern: '^x$' } } });
    expect(check({ pattern: 'y' })).toBe('it/pattern must match pattern "^x$"');
  });

  test('does not compare very long texts with patterns and formats', () => {
    expect(compileSchema({ pattern: '^x$' })('y'.repeat(16 * 1024 + 1))).toBeNull();
    expect(compileSchema({ type: 'string', format: 'email' })('y'.repeat(16 * 1024 + 1))).toBeNull();
    expect(compileSchema({ type: 'string', format: 'email' })('y'.repeat(16 * 1024))).toMatch(/format/);
  });

  test('is refused if it is too deep, invalid or asynchronous', () => {
    expect(compileSchema(nested(20))({ a: 1 })).toBeNull();
    expect(() => compileSchema(nested(33))).toThrow('It has more than 64 levels.');
    expect(() => compileSchema({ $ref: 'https://example.com/other' })).toThrow(/can't resolve reference/);
    expect(() => compileSchema({ $async: true })).toThrow('Asynchronous schemas are not supported.');
    expect(compileSchema({ $ref: '#' })({})).toMatch(/^it cannot be checked: RangeError/);
  });
});

test('the form of every keyword is checked for the author of a schema', () => {
  const problemOf = (schema: Record<string, unknown>) => {
    try {
      checkForm(schema);
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
  expect(problemOf({})).toBeNull();
  expect(problemOf({ $schema: 'https://json-schema.org/draft/2020-12/schema', $id: 'x', prefixItems: [] })).toBeNull();
  expect(problemOf({ type: 'strnig' })).toContain('schema/type must be equal to one of the allowed values');
  expect(problemOf({ properties: 5 })).toContain('schema/properties must be object');
  expect(problemOf({ required: 'a' })).toContain('schema/required must be array');
});
