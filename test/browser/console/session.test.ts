import { expect, test } from 'vitest';
import { follow, runById, send } from '../../integration/conversation.ts';
import { openPage } from '../explorer.ts';
import { expectAccessible, startConsoleServer } from './console.ts';

const CALLS_OF_AN_ANSWER = 30;
const ANSWERS = 50;

test('a run with many calls and answers shows the newest of them, and the others on demand', async () => {
  const limits = { maxSteps: 200, maxToolCalls: 200 };
  const { client, pageUrl } = await startConsoleServer({ limits });
  const zones = Array.from({ length: CALLS_OF_AN_ANSWER }, (_, index) => (index === 0 ? 'Nowhere' : 'UTC'));
  const many = zones.map((timeZone) => `/call clock ${JSON.stringify({ timeZone })}`).join('\n');
  const steps = Array.from({ length: ANSWERS }, (_, index) => `/say answer-${index}\n/call clock {}`);
  const text = [many, ...steps].join('\n/then\n');
  const { run, session } = await send(client, { sessionKey: 'long', text });
  await follow(client, run.id);
  expect((await runById(client, run.id)).state).toBe('DONE');
  const { page, problems } = await openPage(pageUrl(`/sessions/${session.id}`));
  const conversation = page.getByRole('log', { name: 'Conversation' });
  await conversation.getByText(`answer-${ANSWERS - 1}`, { exact: true }).waitFor();
  const calls = () => conversation.locator('.tool-call').count();
  expect(await calls()).toBeLessThan(ANSWERS);
  await expectAccessible(page, 'a long run');
  await conversation.getByRole('button', { name: /earlier messages$/ }).click();
  await conversation.getByRole('button', { name: 'Show 10 earlier calls, of which 1 failed or were denied' }).click();
  expect(await calls()).toBe(ANSWERS + CALLS_OF_AN_ANSWER);
  expect(problems).toEqual([]);
});

test('B88: answers stay readable if the server stops before their renderer is loaded', async () => {
  const { client, pageUrl } = await startConsoleServer();
  const { run, session } = await send(client, { sessionKey: 'bold', text: '/say **one**' });
  await follow(client, run.id);
  const { page } = await openPage(pageUrl('/sessions'));
  await page.route('**/rendered-markdown*', (route) => route.abort());
  await page.goto(pageUrl(`/sessions/${session.id}`));
  const conversation = page.getByRole('log', { name: 'Conversation' });
  await conversation.getByText('**one**', { exact: true }).waitFor();
  await send(client, { sessionId: session.id, text: '/say **two**' });
  await conversation.getByText('**two**', { exact: true }).waitFor();
});
