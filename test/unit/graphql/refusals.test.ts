import { isObjectType, isUnionType } from 'graphql';
import { describe, expect, test } from 'vitest';
import { conflict, limitExceeded, notFound, type Refusal, sessionBusy } from '../../../src/domain/refusal.ts';
import { memberOf } from '../../../src/graphql/refusals.ts';
import { schema } from '../../../src/graphql/schema.ts';

describe('which member of a union an outcome is', () => {
  const kinds: Refusal['kind'][] = ['not-found', 'conflict', 'limit-exceeded'];
  const member = (outcome: Refusal | { kind: string }) => memberOf('DoResult', 'DoSuccess', kinds, outcome);

  test('what is no refusal is the success', () => expect(member({ kind: 'done' })).toBe('DoSuccess'));

  test('a refusal is its error', () => {
    expect(member(notFound('run', 'run_1'))).toBe('NotFoundError');
    expect(member(conflict('no'))).toBe('ConflictError');
    expect(member(limitExceeded('queueLength', 'no'))).toBe('LimitExceededError');
  });

  test('a refusal that the field does not promise is a fault of the program', () => {
    expect(() => member(sessionBusy('run_1'))).toThrow('DoResult has no member for the refusal "session-busy"');
  });
});

test('every result is a union of one success and of errors', () => {
  const results = Object.values(schema.getMutationType()?.getFields() ?? {}).map(({ type }) => String(type));
  for (const name of results) {
    const union = schema.getType(name.replace('!', ''));
    if (!isUnionType(union)) throw new Error(`${name} is no union`);
    const success = union.name.replace(/Result$/, 'Success');
    const members = union.getTypes().map((member) => member.name);
    expect(members).toContain(success);
    for (const error of members.filter((member) => member !== success)) {
      const type = schema.getType(error);
      expect(isObjectType(type) && type.getInterfaces().map(({ name: of }) => of)).toEqual(['Error']);
    }
  }
  expect(results).toHaveLength(16);
});
