import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createAskingCalls } from '../../../../src/tools/mcp/elicitation.ts';
import type { ToolAnswer, ToolContext } from '../../../../src/tools/tool.ts';
import { immediateSchemas } from '../../../immediate-schemas.ts';

const form = { message: 'Which one?', requestedSchema: { type: 'object' as const, properties: {} } };
const never = new AbortController().signal;

/** A promise that the test resolves. */
function held<Value>() {
  let resolve: (value: Value) => void = () => undefined;
  const promise = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

test('a call that ends at the moment at which it gets its turn again leaves the turn to the next call', async () => {
  const calls = createAskingCalls(immediateSchemas.forParty());
  const [answer, firstResult, secondResult] = [held<ToolAnswer>(), held<string>(), held<string>()];
  const context: ToolContext = {
    signal: never,
    idempotencyKey: 'key',
    session: { id: 'ses_1', owner: 'ada' },
    ask: () => answer.promise,
  };
  const results: string[] = [];
  const make = async (result: Promise<string>) => void results.push(await calls.make(context, () => result));
  const first = make(firstResult.promise);
  await setImmediate();
  const asked = calls.elicit(form, never).catch((error: unknown) => String(error));
  // While a person is asked for the first call, the server works on the second one. With the answer, the first one waits for its turn.
  const second = make(secondResult.promise);
  await setImmediate();
  answer.resolve({ action: 'ANSWER', answer: {} });
  await setImmediate();
  // The server ends both at once, and its messages arrive together.
  secondResult.resolve('second');
  firstResult.resolve('first');
  await Promise.all([first, second]);
  void make(Promise.resolve('third'));
  await setImmediate();
  expect(results.toSorted()).toEqual(['first', 'second', 'third']);
  expect(await asked).toBe('Error: The call ended.');
});
