import { describe, expect, test } from 'vitest';
import { branch, compact, compactions, contextOf } from '../context/session-operations.ts';
import { converse, follow, runById, send } from '../conversation.ts';
import { messageEnd, messageStart, sendMessageEvents, textBlock } from '../providers/anthropic-stream.ts';
import { type FakeProvider, sendEvents, startProvider, stopChunk, textChunk } from '../providers/fake-provider.ts';
import { type AttachmentGateway, pdf, png, sha256, startWithFolder, upload } from './uploads.ts';

type ContentPart = {
  type: string;
  text?: string;
  image_url?: { url: string };
  file?: { filename: string; file_data: string };
};

const bytesOf = (url = '') => Buffer.from(url.slice(url.indexOf(',') + 1), 'base64');

/** A provider that says what it sees: the text, and the SHA-256 of each file that it decodes. */
const startVision = () =>
  startProvider((response, { body }) => {
    const { messages } = JSON.parse(body) as { messages: { content: string | ContentPart[] }[] };
    const { content = '' } = messages.at(-1) ?? {};
    const parts = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
    const seen = parts.map((part: ContentPart) => {
      if (part.type === 'image_url') return `image ${sha256(bytesOf(part.image_url?.url))}`;
      if (part.type === 'file') return `${part.file?.filename} ${sha256(bytesOf(part.file?.file_data))}`;
      return part.text;
    });
    sendEvents(response, textChunk(seen.join(' | ')), stopChunk(), '[DONE]');
    response.end();
  });

const vision = ({ baseURL }: FakeProvider, attachments = ['image', 'pdf']) => ({
  defaultModel: 'eye',
  models: { eye: { provider: 'openai-compatible', baseURL, model: 'any', attachments } },
});

const idsOf = async (gateway: AttachmentGateway, ...files: [name: string, content: string | Buffer][]) => {
  const uploads = [];
  for (const [name, content] of files) uploads.push(await upload(gateway, content, { name }));
  return uploads.map(({ id }) => id);
};

describe('B70: an attachment reaches the model byte for byte', () => {
  test('as an image, a PDF file or text of a chat completion, in the order of the message', async () => {
    const gateway = await startWithFolder({ file: vision(await startVision()) });
    const image = Buffer.concat([png(), Buffer.alloc(300_000, 7)]);
    const attachmentIds = await idsOf(gateway, ['a.pdf', pdf], ['b.png', image], ['c.csv', 'x,y\n1,2\n']);
    const { run } = await converse(gateway.client, { sessionKey: 'see', text: 'Describe them.', attachmentIds });
    expect(run.output).toBe(
      [
        'Describe them.',
        `a.pdf ${sha256(pdf)}`,
        `image ${sha256(image)}`,
        'Attached file "c.csv", text/plain, 8 bytes:\nx,y\n1,2\n',
      ].join(' | '),
    );
  });

  test('as file parts of the AI SDK', async () => {
    const provider = await startProvider((response) => {
      sendMessageEvents(response, messageStart(), ...textBlock(0, 'I see.'), ...messageEnd());
      response.end();
    });
    const claude = { provider: 'anthropic', baseURL: provider.baseURL, model: 'claude-test', maxOutputTokens: 500 };
    const gateway = await startWithFolder({
      file: { defaultModel: 'claude', models: { claude } },
      environment: { ANTHROPIC_API_KEY: 'k' },
    });
    const attachmentIds = await idsOf(gateway, ['b.png', png()], ['a.pdf', pdf]);
    const { run } = await converse(gateway.client, { sessionKey: 'see', text: 'Describe them.', attachmentIds });
    expect(run.output).toBe('I see.');
    const { messages } = JSON.parse(provider.requests[0]?.body ?? '{}');
    expect(messages[0].content).toMatchObject([
      { type: 'text', text: 'Describe them.' },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png().toString('base64') } },
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: pdf.toString('base64') } },
    ]);
  });

  test('and the text of a long file is cut off', async () => {
    const gateway = await startWithFolder();
    const attachmentIds = await idsOf(gateway, ['long.txt', 'ü'.repeat(100_000)]);
    const { run } = await converse(gateway.client, { sessionKey: 'long', text: '/attachments', attachmentIds });
    expect(run.output).toMatch(
      /^Attached file "long.txt", text\/plain, 200000 bytes:\\nü{65536}\\n\[The file continues: 200000 bytes in total.\]$/,
    );
  });

  test('again in every later turn, in a retry and in a branch, and the context can be rebuilt exactly', async () => {
    const gateway = await startWithFolder();
    const { client } = gateway;
    const attachmentIds = await idsOf(gateway, ['b.png', png()]);
    const line = `b.png image/png ${png().length} bytes ${sha256(png())}`;
    const first = await converse(client, { sessionKey: 'later', text: '/attachments', attachmentIds });
    expect(first.run.output).toBe(line);
    const second = await converse(client, { sessionKey: 'later', text: '/attachments' });
    expect(second.run.output).toBe(line);
    for (const { runId } of [first, second]) {
      const { contextAt } = await contextOf(client, runId);
      expect(contextAt).toMatchObject({ isExact: true, missing: [] });
    }
    const sent = await send(client, { sessionKey: 'later', text: '/say x' });
    await follow(client, sent.run.id);
    const sessionId = await branch(client, { sessionId: sent.session.id, runId: second.runId });
    const inBranch = await converse(client, { sessionId, text: '/attachments' });
    expect(inBranch.run.output).toBe(line);
    expect((await contextOf(client, inBranch.runId)).contextAt.isExact).toBe(true);
  });

  test('and a compaction names it', async () => {
    const gateway = await startWithFolder();
    const { client } = gateway;
    const attachmentIds = await idsOf(gateway, ['important.png', png()]);
    const first = await converse(client, { sessionKey: 'old', text: 'This is important.', attachmentIds });
    for (const text of ['one', 'two', 'three']) await converse(client, { sessionKey: 'old', text: `/say ${text}` });
    const sent = await send(client, { sessionKey: 'old', text: '/say four' });
    await follow(client, sent.run.id);
    await compact(client, sent.session.id);
    const [compaction] = await compactions(client, sent.session.id);
    expect(compaction?.summary).toContain('[attached "important.png", image/png]');
    expect((await contextOf(client, first.runId)).contextAt.isExact).toBe(true);
  });
});

describe('a model that cannot read an attachment', () => {
  test('is told about earlier ones, and has them in its context', async () => {
    const gateway = await startWithFolder({ file: { ...vision(await startVision(), []), defaultModel: 'scripted' } });
    const attachmentIds = await idsOf(gateway, ['b.png', png()]);
    await converse(gateway.client, { sessionKey: 'blind', text: '/attachments', attachmentIds });
    const { run, runId } = await converse(gateway.client, { sessionKey: 'blind', text: 'And now?', model: 'eye' });
    expect(run.output).toBe('And now?');
    expect((await contextOf(gateway.client, runId)).contextAt.isExact).toBe(true);
  });

  test('had them or had not in a context, whatever the configuration says later', async () => {
    const provider = await startVision();
    const before = { ...vision(provider, ['image']), defaultModel: 'eye' };
    const gateway = await startWithFolder({ file: before });
    const attachmentIds = await idsOf(gateway, ['a.png', png()], ['c.csv', 'x,y\n']);
    const seeing = await converse(gateway.client, { sessionKey: 'changed', text: 'See.', attachmentIds });
    const restarted = await gateway.restart({
      file: { ...vision(provider, []), attachments: { folder: gateway.folder } },
    });
    const blind = await converse(restarted.client, { sessionKey: 'changed', text: 'And now?' });
    const again = await restarted.restart({ file: { ...before, attachments: { folder: gateway.folder } } });
    const forms = async ({ runId }: { runId: string }) => {
      const { contextAt } = await contextOf(again.client, runId);
      expect(contextAt).toMatchObject({ isExact: true, missing: [] });
      return contextAt.messages.flatMap(({ attachments }) => attachments.map(({ name, form }) => `${name} ${form}`));
    };
    expect(await forms(seeing)).toEqual(['a.png FILE', 'c.csv TEXT']);
    expect(await forms(blind)).toEqual(['a.png UNREADABLE', 'c.csv TEXT']);
  });

  test('does not take over from one that can', async () => {
    const broken = await startProvider((response) => response.writeHead(401).end('{}'));
    const blind = await startVision();
    const local = { provider: 'openai-compatible', model: 'any' };
    const models = {
      eye: { ...local, baseURL: broken.baseURL, attachments: ['image'], fallbacks: ['blind', 'scripted'] },
      blind: { ...local, baseURL: blind.baseURL },
    };
    const gateway = await startWithFolder({ file: { defaultModel: 'eye', models } });
    const attachmentIds = await idsOf(gateway, ['b.png', png()]);
    const { runId } = await converse(gateway.client, { sessionKey: 'k', text: '/attachments', attachmentIds });
    expect(blind.requests).toHaveLength(0);
    expect(await runById(gateway.client, runId)).toMatchObject({ state: 'FAILED', error: { code: 'MODEL_AUTH' } });
  });
});
