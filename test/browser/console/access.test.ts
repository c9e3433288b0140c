import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createTestClient } from '../../client.ts';
import { createServerFolder } from '../../e2e/server-process.ts';
import { converse } from '../../integration/conversation.ts';
import { openPage } from '../explorer.ts';
import { startConsoleServer } from './console.ts';

const sha256 = (token: string) => createHash('sha256').update(token).digest('hex');

test('with accounts a token is asked for, is kept out of addresses, and its scopes decide what is offered', async () => {
  const tokens = [
    { sha256: sha256('writer'), principal: 'ada', scopes: ['read', 'write', 'approve'] },
    { sha256: sha256('reader'), principal: 'ada', scopes: ['read'] },
  ];
  const { url, pageUrl } = await startConsoleServer({ auth: { mode: 'tokens', tokens } });
  await using client = createTestClient(url, { authorization: 'Bearer writer' });
  await converse(client, { sessionKey: 'a', text: 'Hello' });
  const { page } = await openPage(pageUrl('/sessions'));
  const signIn = async (token: string) => {
    await page.getByLabel('Access token').fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };
  await signIn('wrong');
  await page.getByText('did not accept this token').waitFor();
  await signIn('reader');
  await page.getByRole('link', { name: 'Hello' }).waitFor();
  expect(await page.getByRole('button', { name: 'New session' }).count()).toBe(0);
  await page.getByRole('link', { name: 'Hello' }).click();
  await page.getByText('You said').waitFor();
  expect(await page.getByRole('textbox', { name: 'Message' }).count()).toBe(0);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await signIn('writer');
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
  expect(page.url()).not.toContain('writer');
});

test('the console works where only listed documents are executed', async () => {
  const home = await createServerFolder({ documents: './documents.json' });
  onTestFinished(() => home[Symbol.asyncDispose]());
  await writeFile(join(home.folder, 'documents.json'), '{}');
  const server = await home.start();
  const { page, problems } = await openPage(new URL('/', server.url).href);
  await page.getByRole('button', { name: 'what time is it' }).click();
  await page.getByRole('log', { name: 'Conversation' }).locator('.run-footer').getByText('Done').waitFor();
  await page.getByRole('link', { name: 'tape', exact: true }).click();
  await page.getByText('TOOL_RESULT').waitFor();
  for (const name of ['Usage', 'Agents', 'Gateway', 'Waiting']) {
    await page.getByRole('navigation').getByRole('link', { name }).click();
    await expect.poll(() => page.locator('.skeleton, .problem').count(), { timeout: 30_000 }).toBe(0);
  }
  expect(problems).toEqual([]);
  const refused = await fetch(server.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ viewer { principal } }' }),
  });
  expect(await refused.text()).toContain('executes only the documents in its list');
});
