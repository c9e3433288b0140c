import { isObjectType, isUnionType } from 'graphql';
import { describe, expect, test } from 'vitest';
import { conflict, limitExceeded, notFound, type Refusal, sessionBusy } from '../../../src/domain/refusal.ts';
import { memberOf } from '../../../src/graphql/refusals.ts';
import { schema } from '../../../src/graphql/schema.ts';

describe('the union member of an outcome', () => {
  const kinds: Refusal['kind'][] = ['not-found', 'conflict', 'limit-exceeded'];
  const member = (outcome: Refusal | { kind: string }) => memberOf('DoResult', 'DoSuccess', kinds, outcome);

  test('is the success type unless it is a refusal', () => expect(member({ kind: 'done' })).toBe('DoSuccess'));

  test('is the error type of a refusal', () => {
    expect(member(notFound('run', 'run_1'))).toBe('NotFoundError');
    expect(member(conflict('no'))).toBe('ConflictError');
    expect(member(limitExceeded('queueLength', 'no'))).toBe('LimitExceededError');
  });

  test('must be declared by the field', () => {
    expect(() => member(sessionBusy('run_1'))).toThrow('DoResult has no member for the refusal "session-busy"');
  });
});

test('the result of every mutation is a union of one success type and error types', () => {
  const results = Object.values(schema.getMutationType()?.getFields() ?? {}).map(({ type }) => String(type));
  for (const name of results) {
    const union = schema.getType(name.replace('!', ''));
    if (!isUnionType(union)) throw new Error(`${name} is not a union`);
    const success = union.name.replace(/Result$/, 'Success');
    const members = union.getTypes().map((member) => member.name);
    expect(members).toContain(success);
    for (const error of members.filter((member) => member !== success)) {
      const type = schema.getType(error);
      expect(isObjectType(type) && type.getInterfaces().map(({ name: of }) => of)).toEqual(['Error']);
    }
  }
  expect(results).toHaveLength(23);
});
