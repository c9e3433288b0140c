import { expect, test } from 'vitest';
import { WaitsDocument } from '../../generated/graphql.ts';
import { follow, runById, send } from '../../integration/conversation.ts';
import { poll } from '../../until.ts';
import { openPage } from '../explorer.ts';
import { expectAccessible, expectNoOverflow, startConsoleServer } from './console.ts';

test('B95: a budget that asks is raised by an amount, and denied with a reason', async () => {
  const budgets = [{ appliesTo: 'principal', tokens: 10, onLimit: 'ask' }];
  const { client, pageUrl } = await startConsoleServer({ budgets });
  const waiting = async (sessionKey: string) => {
    const { run } = await send(client, { sessionKey, text: '/say Done.' });
    await follow(client, run.id, { isLast: ({ type }) => type === 'WAIT_REQUEST' });
    const { waits } = await client.send(WaitsDocument, { filter: { states: ['OPEN'] } });
    return { runId: run.id, waitId: waits.edges[0]?.node.id ?? '' };
  };
  const first = await waiting('one');
  const { page, problems } = await openPage(pageUrl('/'));
  const detail = page.getByRole('region', { name: 'Budget' });
  await detail.getByText('0 tokens of 10 tokens').waitFor();
  await expectAccessible(page, 'a budget request');
  await expectNoOverflow(page, 'a budget request');
  const increase = detail.getByLabel('Increase for this run, in tokens');
  for (const bad of ['-5', 'much']) {
    await increase.fill(bad);
    await detail.getByRole('alert').waitFor();
    expect(await detail.getByRole('button', { name: 'Allow' }).isDisabled()).toBe(true);
  }
  await increase.fill('30000');
  await detail.getByRole('button', { name: 'Allow' }).click();
  await poll(async () => (await runById(client, first.runId)).state === 'DONE');

  const second = await waiting('two');
  await detail.getByText('0 tokens of 10 tokens').waitFor();
  await page.goto(pageUrl('/usage'));
  await page.getByRole('heading', { name: 'Usage' }).waitFor();
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Words, a key or an id' }).waitFor();
  await page.keyboard.type(second.waitId);
  await page.keyboard.press('Enter');
  await detail.getByText('0 tokens of 10 tokens').waitFor();
  expect(page.url()).toContain(second.waitId);
  await page.keyboard.press('d');
  await page.getByLabel('Reason').waitFor();
  await page.keyboard.type('Too dear.');
  await page.keyboard.press('Enter');
  await page.getByText('Nothing waits for you').waitFor();
  const { error } = await runById(client, second.runId);
  expect(error).toMatchObject({ code: 'BUDGET', message: expect.stringContaining('Too dear.') });
  expect(problems).toEqual([]);
});
