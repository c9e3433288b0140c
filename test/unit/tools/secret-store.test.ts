import { expect, test } from 'vitest';
import type { Json } from '../../../src/domain/events.ts';
import { createSecretStore } from '../../../src/tools/secret-store.ts';

const capacity = 10_000;
const secretNumber = (index: number) => ({ password: `correct horse ${index}` });

test('the store keeps 10,000 credentials, and forgets the one that was used least recently', () => {
  const store = createSecretStore(null);
  const masked = Array.from({ length: capacity }, (_, index) => store.mask('ses_1', secretNumber(index)));
  const canReveal = (index: number) => store.reveal('ses_1', masked[index] as Json).ok;
  // From the newest to the oldest, so that the last ones are now the least recently used.
  const all = masked.map((_, index) => index).reverse();
  expect(all.filter((index) => !canReveal(index))).toEqual([]);
  store.mask('ses_1', secretNumber(capacity));
  expect(all.filter((index) => !canReveal(index))).toEqual([capacity - 1]);
});

test('the oldest of 10,001 credentials is forgotten first, and giving it again makes it known', () => {
  const store = createSecretStore(null);
  const masked = Array.from({ length: capacity + 1 }, (_, index) => store.mask('ses_1', secretNumber(index)));
  const oldest = masked[0] as Json;
  expect(store.reveal('ses_1', masked[1] as Json)).toEqual({ ok: true, input: secretNumber(1) });
  expect(store.reveal('ses_1', oldest)).toMatchObject({ ok: false, error: expect.stringContaining('Give it again') });
  expect(store.mask('ses_1', secretNumber(0))).toEqual(oldest);
  expect(store.reveal('ses_1', oldest)).toEqual({ ok: true, input: secretNumber(0) });
});
