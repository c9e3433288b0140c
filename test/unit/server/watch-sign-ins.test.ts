import { expect, test } from 'vitest';
import { unauthenticated, unavailable } from '../../../src/graphql/public-errors.ts';
import { localIdentity } from '../../../src/server/access/authentication/identity.ts';
import { watchSignIns } from '../../../src/server/access/authentication/watch-sign-ins.ts';

const credentials = { headers: {}, connectionParams: {}, address: '10.0.0.1' };

/** Authenticates with this outcome, at once or later, and returns the problems that were reported. */
async function problemsAfter(outcome: Error | null) {
  const problems: unknown[] = [];
  const report = (...failure: unknown[]) => void problems.push(failure);
  const now = watchSignIns(() => {
    if (outcome) throw outcome;
    return localIdentity;
  }, report);
  const later = watchSignIns(() => (outcome ? Promise.reject(outcome) : Promise.resolve(localIdentity)), report);
  if (outcome) {
    expect(() => now(credentials)).toThrow(outcome);
    await expect(later(credentials)).rejects.toBe(outcome);
  } else {
    expect(now(credentials)).toBe(localIdentity);
    expect(await later(credentials)).toBe(localIdentity);
  }
  return problems;
}

test('credentials that are not accepted are reported with their problem', async () => {
  expect(await problemsAfter(unauthenticated('unknown'))).toEqual([
    ['unknown', credentials],
    ['unknown', credentials],
  ]);
});

test('accepted credentials, and those that cannot be verified now, are not reported', async () => {
  expect(await problemsAfter(null)).toEqual([]);
  expect(await problemsAfter(unavailable('Try again later.'))).toEqual([]);
  expect(await problemsAfter(new Error('It broke.'))).toEqual([]);
});
