import { expect, test } from 'vitest';
import type { Json } from '../../../src/domain/events.ts';
import { createSecretStore } from '../../../src/tools/secret-store.ts';
import { turnsUntil } from '../../turns.ts';

const capacity = 10_000;
const call = { sessionId: 'ses_1', callId: 'call_1' };
const secretNumber = (index: number) => ({ password: `correct horse ${index}` });

test('the store keeps 10,000 credentials, and forgets the one that was used least recently', async () => {
  const store = createSecretStore(null);
  const masked: Json[] = [];
  for (let index = 0; index < capacity; index += 1) masked.push(await store.mask(call, secretNumber(index)));
  const canReveal = (index: number) => store.reveal(call, masked[index] as Json).ok;
  // From the newest to the oldest, so that the last ones are now the least recently used.
  const all = masked.map((_, index) => index).reverse();
  expect(all.filter((index) => !canReveal(index))).toEqual([]);
  await store.mask(call, secretNumber(capacity));
  expect(all.filter((index) => !canReveal(index))).toEqual([capacity - 1]);
});

test('the oldest of 10,001 credentials is forgotten first, and giving it again makes it known', async () => {
  const store = createSecretStore(null);
  const masked: Json[] = [];
  for (let index = 0; index < capacity + 1; index += 1) masked.push(await store.mask(call, secretNumber(index)));
  const oldest = masked[0] as Json;
  expect(store.reveal(call, masked[1] as Json)).toEqual({ ok: true, input: secretNumber(1) });
  expect(store.reveal(call, oldest)).toMatchObject({ ok: false, error: expect.stringContaining('Give it again') });
  expect(await store.mask(call, secretNumber(0))).toEqual(oldest);
  expect(store.reveal(call, oldest)).toEqual({ ok: true, input: secretNumber(0) });
});

test('B61: a placeholder opens for its own call, and for another one only after that adopted it', async () => {
  const store = createSecretStore(null);
  const shown = await store.mask(call, secretNumber(1));
  const other = { ...call, callId: 'call_2' };
  expect(store.foreignPlaceholders(call, shown)).toEqual([]);
  expect(store.foreignPlaceholders(other, shown)).toEqual([expect.stringMatching(/^\[masked credential #/)]);
  expect(store.reveal(other, shown)).toMatchObject({ ok: false });
  store.adopt({ sessionId: 'ses_2', callId: 'call_2' }, shown);
  expect(store.reveal({ sessionId: 'ses_2', callId: 'call_2' }, shown)).toMatchObject({ ok: false });
  store.adopt(other, shown);
  expect(store.reveal(other, shown)).toEqual({ ok: true, input: secretNumber(1) });
  expect(store.reveal(call, shown)).toEqual({ ok: true, input: secretNumber(1) });
});

test('B60: masking an input of many short texts lets other work run in between', async () => {
  const input = { words: Array(24_000).fill('a') };
  expect(await turnsUntil(createSecretStore(null).mask(call, input))).toBeGreaterThan(10);
});
