import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { converse } from '../conversation.ts';
import { startTestGateway } from '../gateway.ts';

test('/help lists the commands of the scripted model, and the documentation describes the same ones', async () => {
  const { client } = await startTestGateway();
  const { run } = await converse(client, { sessionKey: 'help', text: '/help' });
  expect(run).toMatchObject({ state: 'DONE', model: 'scripted' });
  const [, ...lines] = (run.output ?? '').split('\n');
  expect(lines).toContain('/say TEXT: says the text word by word; a second text in the step starts on a new line');
  const documentation = readFileSync('docs/models.md', 'utf8');
  const rows = [...documentation.matchAll(/^\| (`\/.*`) \| (.*) \|$/gm)];
  expect(rows.map(([, form = '', description]) => `${form.replaceAll('`', '')}: ${description}`)).toEqual(lines);
});
