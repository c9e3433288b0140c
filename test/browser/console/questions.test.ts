import { expect, test } from 'vitest';
import { follow, send } from '../../integration/conversation.ts';
import { calling } from '../../integration/counted-tool.ts';
import { bundledServer } from '../../integration/tools/bundled-server.ts';
import { untilServer } from '../../integration/tools/mcp-programs.ts';
import { openPage } from '../explorer.ts';
import { expectAccessible, expectNoOverflow, startConsoleServer } from './console.ts';

test('the link of an MCP server is shown in full, is not opened by itself, and is agreed to or declined', async () => {
  const shop = { command: process.execPath, args: [bundledServer('asking-server')], elicitation: true };
  const { client, pageUrl } = await startConsoleServer({ mcpServers: { shop } });
  await untilServer(client, 'shop', 'READY');
  const link = {
    mode: 'url',
    message: '<b>Log in</b> to pay.',
    elicitationId: '1',
    url: `HTTPS://BÜCHER.example/${'page.of/the.shop/'.repeat(10)}?x=1`,
  };
  const url = `https://xn--bcher-kva.example/${'page.of/the.shop/'.repeat(10)}?x=1`;
  const asked = async (sessionKey: string) => {
    const { run } = await send(client, { sessionKey, text: calling(['shop__ask', { questions: [link] }]) });
    return async () => (await follow(client, run.id)).find(({ type }) => type === 'TOOL_RESULT');
  };

  const agreed = await asked('one');
  const { page, problems } = await openPage(pageUrl('/waiting'), { width: 390, height: 844 });
  const question = page.getByRole('region', { name: 'Question' });
  const anchor = question.getByRole('link', { name: url });
  await anchor.waitFor();
  expect(await anchor.getAttribute('href')).toBe(url);
  expect(await anchor.getAttribute('rel')).toContain('noopener');
  await question.getByText('<b>Log in</b> to pay.', { exact: true }).waitFor();
  await expectAccessible(page, 'a question with a link');
  await expectNoOverflow(page, 'a question with a link');
  await page.keyboard.press('Control+Enter');
  expect(JSON.stringify(await agreed())).toContain('accept');

  const declined = await asked('two');
  await anchor.waitFor();
  await page.keyboard.press('d');
  await page.getByRole('dialog').getByRole('textbox').fill('I do not know this host');
  await page.keyboard.press('Enter');
  expect(JSON.stringify(await declined())).toMatch(/decline.*I do not know this host/);
  await page.getByText('Nothing waits for you').waitFor();
  expect(problems).toEqual([]);
});
