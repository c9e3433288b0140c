import assert from 'node:assert/strict';
import { test } from 'node:test';
import { poll, withDeadline } from '../until.ts';

test('`poll` returns the first truthy result', async () => {
  const results = [null, 0, 'value'];
  assert.equal(await poll(() => results.shift()), 'value');
});

test('`poll` names its condition when the deadline passes, and stops calling it', async () => {
  let calls = 0;
  const condition = () => {
    calls += 1;
    return false;
  };
  await assert.rejects(poll(condition, { seconds: 0.05 }), {
    message: `Waited 0.05 s in vain for: ${condition.toString()}`,
  });
  const callsAtTheDeadline = calls;
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(calls <= callsAtTheDeadline + 1);
});

test('`poll` fails at the deadline when its condition does not return', async () => {
  const waiting = poll(() => new Promise(() => undefined), { description: 'an answer', seconds: 0.05 });
  await assert.rejects(waiting, { message: 'Waited 0.05 s in vain for: an answer' });
});

test('`poll` asks less often the longer it waits', async () => {
  let calls = 0;
  const condition = () => {
    calls += 1;
    return false;
  };
  await assert.rejects(poll(condition, { seconds: 1 }));
  // The shortest pause alone would allow 200.
  assert.ok(calls < 80, `${calls} calls`);
});

test('waiting fails when its test ends', async () => {
  const waiting = withDeadline(new Promise(() => undefined), { description: 'an answer', ended: Promise.resolve() });
  await assert.rejects(waiting, { message: 'The test ended while it waited for: an answer' });
});

test('an error of the condition is not repeated', async () => {
  let calls = 0;
  const condition = () => {
    calls += 1;
    throw new Error('broken');
  };
  await assert.rejects(poll(condition), { message: 'broken' });
  assert.equal(calls, 1);
});
