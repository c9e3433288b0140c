import { describe, expect, test } from 'vitest';
import type { TokenEntry } from '../../../src/config/access-config.ts';
import {
  createCurrentAuthentication,
  type IdentityEnd,
} from '../../../src/server/access/authentication/current-authentication.ts';
import type { Identity } from '../../../src/server/access/authentication/identity.ts';
import { authenticateByToken, hashOfToken } from '../../../src/server/access/authentication/tokens.ts';
import { createFakeClock } from '../fake-clock.ts';

const day = 24 * 60 * 60 * 1000;

const entry = (token: string, more: Partial<TokenEntry> = {}): TokenEntry => ({
  sha256: hashOfToken(token),
  principal: token,
  scopes: ['read'],
  ...more,
});

/** Authentication by the tokens of these entries, and the ends that were reported for each token. */
function createAuthentication(...entries: TokenEntry[]) {
  const clock = createFakeClock();
  const byTokens = (next: readonly TokenEntry[]) => authenticateByToken(next, clock.now);
  const authentication = createCurrentAuthentication(byTokens(entries), clock);
  const ends: [string, IdentityEnd][] = [];
  const identityOf = async (token: string) =>
    authentication.authenticate({ headers: { authorization: `Bearer ${token}` }, connectionParams: {} });
  const watch = (identity: Identity) =>
    authentication.onEnd(identity, (end) => void ends.push([identity.principal, end]));
  return {
    clock,
    ends,
    accepts: authentication.accepts,
    identityOf,
    watch,
    open: async (token: string) => watch(await identityOf(token)),
    replace: (...next: TokenEntry[]) => authentication.replace(byTokens(next)),
  };
}

describe('the expiry of an identity', () => {
  const expiring = (milliseconds: number) => entry('ada', { expiresAt: new Date(milliseconds).toISOString() });

  test('is noticed after months, which is longer than a timer can run', async () => {
    const { clock, ends, open } = createAuthentication(expiring(100 * day));
    await open('ada');
    await clock.advance(100 * day - 1);
    expect(ends).toEqual([]);
    await clock.advance(1);
    expect(ends).toEqual([['ada', 'expired']]);
  });

  test('is awaited with timers that are not too long for the system', async () => {
    const { clock, open } = createAuthentication(expiring(100 * day));
    const { after } = clock;
    const times: number[] = [];
    clock.after = (milliseconds, callback) => {
      times.push(milliseconds);
      return after(milliseconds, callback);
    };
    await open('ada');
    await clock.advance(2 * day);
    expect(times).toEqual([day, day, day]);
  });

  test('is noticed at once if it has passed', async () => {
    const { clock, ends, identityOf, watch } = createAuthentication(expiring(day));
    const identity = await identityOf('ada');
    await clock.advance(2 * day);
    watch(identity);
    expect([ends, clock.pending()]).toEqual([[['ada', 'expired']], 0]);
  });

  test('leaves no timer if it is cancelled, or if there is none', async () => {
    const { clock, open, watch } = createAuthentication(expiring(10 * day), entry('bob'));
    (await open('ada'))?.();
    await open('bob');
    expect(watch({ principal: 'local', scopes: [] })).toBeNull();
    expect(clock.pending()).toBe(0);
  });

  test('is not reported after the token was revoked', async () => {
    const { clock, ends, open, replace } = createAuthentication(expiring(day));
    await open('ada');
    replace();
    await clock.advance(2 * day);
    expect([ends, clock.pending()]).toEqual([[['ada', 'revoked']], 0]);
  });
});

describe('B103: a reload', () => {
  test('ends the identities of removed tokens, and of no others', async () => {
    const { ends, open, identityOf, replace } = createAuthentication(entry('ada'), entry('bob'));
    await open('ada');
    await open('bob');
    await open('bob');
    expect(replace(entry('new'), entry('ada'))).toBe(2);
    expect(ends).toEqual([
      ['bob', 'revoked'],
      ['bob', 'revoked'],
    ]);
    await expect(identityOf('bob')).rejects.toThrow('The token is not valid.');
    expect(await identityOf('new')).toMatchObject({ principal: 'new' });
  });

  test('decides whether an identity is still accepted', async () => {
    const { identityOf, accepts, replace } = createAuthentication(entry('ada'));
    const identity = await identityOf('ada');
    expect(accepts(identity)).toBe(true);
    replace();
    expect(accepts(identity)).toBe(false);
  });

  test.each([
    ['scopes', { scopes: ['read', 'write'] }],
    ['principal', { principal: 'eve' }],
    ['expiry', { expiresAt: '2100-01-01T00:00:00Z' }],
  ] as const)('ends the identity of a token with another %s', async (_what, change) => {
    const { ends, open, replace } = createAuthentication(entry('ada'));
    await open('ada');
    replace(entry('ada', { ...change, scopes: [...('scopes' in change ? change.scopes : (['read'] as const))] }));
    expect(ends).toEqual([['ada', 'revoked']]);
  });

  test('also ends an identity that comes into use afterwards, and none that is no longer in use', async () => {
    const { ends, identityOf, watch, open, replace } = createAuthentication(entry('ada'), entry('bob'));
    const late = await identityOf('ada');
    (await open('bob'))?.();
    expect(replace()).toBe(0);
    watch(late);
    expect(ends).toEqual([['ada', 'revoked']]);
  });
});
