import { expect, test } from 'vitest';
import { BranchSessionDocument, DecideApprovalDocument, SessionByIdDocument } from '../../generated/graphql.ts';
import { converse, follow, send } from '../../integration/conversation.ts';
import { openPage } from '../explorer.ts';
import { expectAccessible, startConsoleServer } from './console.ts';

test('title, metadata and grants of a session are changed, and it is archived and unarchived', async () => {
  const { client, pageUrl } = await startConsoleServer();
  const { run, session } = await send(client, { sessionKey: 'tea', text: 'remember that I like tea' });
  const request = (await follow(client, run.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' })).at(-1);
  if (request?.__typename !== 'ApprovalRequestEvent') throw new Error('There is no approval request.');
  const input = { approvalId: request.approval.id, decision: 'ALLOW', scope: 'SESSION' } as const;
  await client.send(DecideApprovalDocument, { input });
  await follow(client, run.id);

  const { page, problems } = await openPage(pageUrl(`/sessions/${session.id}`));
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
  await page.keyboard.press('i');
  const dialog = page.getByRole('dialog', { name: 'Details of the session' });
  await dialog.getByLabel('Title').fill('Tea of Ada');
  await dialog.getByRole('button', { name: 'Add a key' }).click();
  await dialog.getByLabel('Key', { exact: true }).fill('customer');
  await dialog.getByLabel('Value of customer').fill('42');
  await expectAccessible(page, 'details of a session');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('✓ saved').waitFor();
  expect((await client.send(SessionByIdDocument, { id: session.id })).session).toMatchObject({
    title: 'Tea of Ada',
    metadata: { customer: '42' },
  });
  await dialog.getByRole('button', { name: 'Remove customer' }).click();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('✓ saved').waitFor();
  expect((await client.send(SessionByIdDocument, { id: session.id })).session?.metadata).toEqual({});
  const grants = dialog.getByRole('region', { name: 'Grants' });
  await grants.getByText('memory_save').waitFor();
  await grants.getByRole('button', { name: 'Revoke' }).click();
  await grants.getByText('None.').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('heading', { level: 1, name: 'Tea of Ada' }).waitFor();

  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: /^Archive/ }).click();
  await page.getByRole('button', { name: 'Unarchive' }).click();
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
  expect(problems).toEqual([]);
});

test('an agent is created with limits and an output schema, and a change makes a new version', async () => {
  const { client, pageUrl } = await startConsoleServer();
  const { page, problems } = await openPage(pageUrl('/agents?agent=new'));
  await page.getByLabel('Name', { exact: true }).fill('researcher');
  await page.getByLabel('Instructions').fill('Research.');
  await page.getByLabel('Model calls').fill('0');
  const schema = page.getByLabel('JSON Schema of the results');
  await schema.fill('{"type": "object"');
  await page.getByText('This is not JSON').waitFor();
  expect(await page.getByRole('button', { name: 'Create' }).isDisabled()).toBe(true);
  await schema.fill('{"type": "object", "properties": {"answer": {"type": "string"}}}');
  await page.getByLabel('used where a message names no agent').check();
  await page.getByRole('button', { name: 'Create' }).click();
  // What the gateway does not accept is said at the form.
  await page.getByRole('alert').getByText('limits.maxSteps').waitFor();
  await page.getByLabel('Model calls').fill('3');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name: 'Version 1' }).waitFor();
  expect(await page.getByLabel('Model calls').inputValue()).toBe('3');
  expect(await schema.inputValue()).toContain('"answer"');
  await schema.fill('');
  await page.getByLabel('Model calls').fill('');
  await page.getByRole('button', { name: 'Save as a new version' }).click();
  await page.getByRole('heading', { name: 'Version 2' }).waitFor();
  expect(await schema.inputValue()).toBe('');
  await converse(client, { sessionKey: 'hello', text: 'Hello' });
  await page.getByRole('region', { name: 'Runs of this agent' }).getByText('version 2').waitFor();
  const versions = page.getByRole('region', { name: 'Versions of this agent' });
  await versions.getByText('Version 2').click();
  await versions.getByRole('row', { name: 'outputSchema' }).getByText('before:').waitFor();
  expect(await versions.getByRole('row').allInnerTexts()).toHaveLength(3);
  await expectAccessible(page, 'an agent with runs');
  expect(problems).toEqual([]);
});

test('the tree of branches begins with the oldest of many ancestors, and is open down to the session', async () => {
  const { client, pageUrl } = await startConsoleServer();
  const { run, session } = await send(client, { sessionKey: 'root', text: 'Hello' });
  await follow(client, run.id);
  let last = session.id;
  for (let generation = 1; generation <= 9; generation += 1) {
    const { branchSession } = await client.send(BranchSessionDocument, {
      input: { sessionId: last, runId: run.id, key: `generation ${generation}` },
    });
    if (branchSession.__typename !== 'BranchSessionSuccess') throw new Error(JSON.stringify(branchSession));
    last = branchSession.session.id;
  }
  const { page, problems } = await openPage(pageUrl(`/sessions/${last}/branches`));
  const tree = page.getByRole('list', { name: 'Sessions and their branches' });
  await tree.locator('[aria-current=true]').waitFor();
  expect(await tree.locator('.tree-line').count()).toBe(10);
  expect(problems).toEqual([]);
});
