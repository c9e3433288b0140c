import { expect, test } from 'vitest';
import { RememberDocument, RunContextAtDocument } from '../../generated/graphql.ts';
import { converse } from '../../integration/conversation.ts';
import { openPage } from '../explorer.ts';
import { startConsoleServer } from './console.ts';

test('B90: the scrubber shows the run at any event, and the address restores it', async () => {
  const { client, pageUrl } = await startConsoleServer();
  const { runId, events } = await converse(client, { sessionKey: 'long', text: '/pace 5\n/words 60' });
  const delta = events.find((event) => event.__typename === 'OutputDeltaEvent' && event.text.includes('word-30'));
  const seq = delta?.seq ?? 0;
  const { page, problems } = await openPage(pageUrl(`/runs/${runId}`));
  const state = page.getByRole('region', { name: /State at seq/ });
  await state.getByRole('heading', { name: `State at seq ${events.length}` }).waitFor();
  await page.goto(pageUrl(`/runs/${runId}?seq=${seq}`));
  await state.getByRole('heading', { name: `State at seq ${seq} ` }).waitFor();
  const text = await state.locator('dd').first().innerText();
  expect(text).toContain('word-30');
  expect(text).not.toContain('word-60');
  await page.keyboard.press('ArrowLeft');
  await expect.poll(() => page.url()).toContain(`seq=${seq - 1}`);
  await page.reload();
  await state.getByRole('heading', { name: `State at seq ${seq - 1} ` }).waitFor();
  await page.getByRole('slider', { name: 'Event' }).press('ArrowLeft');
  await state.getByRole('heading', { name: `State at seq ${seq - 2} ` }).waitFor();
  await page.getByRole('listbox', { name: 'Events' }).press('ArrowUp');
  await state.getByText('CONTEXT').first().waitFor();
  // Deltas are one row.
  await page
    .getByRole('listbox', { name: 'Events' })
    .getByText(/OUTPUT_DELTA ×\d+/)
    .waitFor();
  expect(problems).toEqual([]);
});

test('B91: what the model saw is the rebuilt request, with its badge', async () => {
  const { client, pageUrl } = await startConsoleServer();
  await client.send(RememberDocument, { input: { text: 'The time of the meeting is noon' } });
  await converse(client, { sessionKey: 'context', text: 'Hello there' });
  const { runId } = await converse(client, { sessionKey: 'context', text: 'what time is it' });
  const { run } = await client.send(RunContextAtDocument, { id: runId, step: 1 });
  const { page, problems } = await openPage(pageUrl(`/runs/${runId}?seq=4`));
  await page.getByText('What the model saw, step 1').click();
  await page.getByText('✓ exact').waitFor();
  await page.getByText(`${run?.contextAt?.messages.length} messages`).waitFor();
  await page.getByText('Hello there').first().waitFor();
  await page.getByText(/^\d\.\d\d The time of the meeting is noon$/).waitFor();
  expect(problems).toEqual([]);
});

test('two runs are compared, and their first difference is marked', async () => {
  const { client, pageUrl } = await startConsoleServer();
  const one = await converse(client, { sessionKey: 'a', text: '/words 3' });
  const other = await converse(client, { sessionKey: 'b', text: '/words 4' });
  const { page, problems } = await openPage(pageUrl(`/compare?a=${one.runId}&b=${other.runId}`));
  await page.getByText('First difference: input').waitFor();
  await page.getByText('first difference', { exact: true }).waitFor();
  await page.getByText('word-4').waitFor();
  expect(problems).toEqual([]);
});
