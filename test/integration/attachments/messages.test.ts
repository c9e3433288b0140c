import { describe, expect, test } from 'vitest';
import {
  MessagesDocument,
  PurgeSessionDocument,
  RetryRunDocument,
  RunAttachmentsDocument,
  SendMessageDocument,
  type SendMessageInput,
} from '../../generated/graphql.ts';
import { createAgent } from '../context/session-operations.ts';
import { converse, follow, send } from '../conversation.ts';
import { until } from '../gateway.ts';
import {
  type AttachmentGateway,
  attachmentRows,
  download,
  filesIn,
  pdf,
  png,
  startWithFolder,
  upload,
} from './uploads.ts';

const attachmentsOf = async ({ client }: AttachmentGateway, id: string) => {
  const { run } = await client.send(RunAttachmentsDocument, { id });
  return run?.attachments ?? [];
};

const refusalOf = async ({ client }: AttachmentGateway, input: SendMessageInput) => {
  const { sendMessage } = await client.send(SendMessageDocument, { input });
  return sendMessage;
};

const blind = { blind: { provider: 'openai-compatible', baseURL: 'http://127.0.0.1:1/v1', model: 'any' } };

describe('a message with attachments', () => {
  test('has them on its tape and in its run, in the given order', async () => {
    const gateway = await startWithFolder();
    const one = await upload(gateway, png(), { name: 'one.png' });
    const two = await upload(gateway, pdf, { name: 'two.pdf' });
    const { events, runId } = await converse(gateway.client, {
      sessionKey: 'k',
      text: '/say ok',
      attachmentIds: [two.id, one.id],
    });
    const refs = [two, one].map(({ url: _url, createdAt: _createdAt, ...ref }) => ref);
    expect(events[0]?.payload).toMatchObject({ text: '/say ok', attachments: refs });
    expect(await attachmentsOf(gateway, runId)).toMatchObject([two, one]);
    const { run: plain } = await send(gateway.client, { sessionKey: 'k', text: '/say none' });
    const [input] = await follow(gateway.client, plain.id);
    expect(input?.payload).not.toHaveProperty('attachments');
    expect(await attachmentsOf(gateway, plain.id)).toEqual([]);
  });

  test('shows them in the conversation', async () => {
    const gateway = await startWithFolder();
    const [one, two] = [await upload(gateway, png()), await upload(gateway, pdf)];
    const text = '/attachments';
    const { session } = await send(gateway.client, { sessionKey: 'k', text, attachmentIds: [one.id, two.id] });
    await converse(gateway.client, { sessionKey: 'k', text: '/say none' });
    const conversation = await gateway.client.send(MessagesDocument, { sessionId: session.id, first: 10 });
    const shown = conversation.session?.messages.edges.map(({ node }) => node.attachments.map(({ id }) => id));
    expect(shown).toEqual([[one.id, two.id], [], [], []]);
  });

  test('is repeated by the same idempotency key, and a retry has the same attachments', async () => {
    const gateway = await startWithFolder();
    const { id } = await upload(gateway, png());
    const input = { sessionKey: 'k', text: '/attachments', attachmentIds: [id], idempotencyKey: 'once' };
    const { runId, run } = await converse(gateway.client, input);
    expect(await send(gateway.client, input)).toMatchObject({ created: false, run: { id: runId } });
    expect(await refusalOf(gateway, { ...input, attachmentIds: [] })).toMatchObject({ __typename: 'ConflictError' });
    const { retryRun } = await gateway.client.send(RetryRunDocument, { input: { runId } });
    if (retryRun.__typename !== 'RetryRunSuccess') throw new Error(retryRun.__typename);
    await follow(gateway.client, retryRun.run.id);
    expect(await attachmentsOf(gateway, retryRun.run.id)).toMatchObject([{ id }]);
    expect(run.output).toContain('image/png');
  });

  test('can be steered into a run, whose model is shown them', async () => {
    const gateway = await startWithFolder({
      file: { models: { scripted: { provider: 'scripted', paceMilliseconds: 0 }, ...blind } },
    });
    const { id } = await upload(gateway, png(), { name: 'steered.png' });
    const { run } = await send(gateway.client, { sessionKey: 'k', text: '/pace 20\n/words 100' });
    const steered = { sessionKey: 'k', text: '/attachments', attachmentIds: [id], whenBusy: 'STEER' as const };
    expect(await send(gateway.client, steered)).toMatchObject({ run: { id: run.id } });
    const events = await follow(gateway.client, run.id);
    expect(events.findLast(({ type }) => type === 'OUTPUT')?.payload).toMatchObject({
      text: expect.stringContaining('steered.png image/png'),
    });
    expect(await attachmentsOf(gateway, run.id)).toEqual([]);
  });
});

describe('B72: a message is refused before anything is recorded', () => {
  test('if an attachment is unknown, belongs to another principal, or is given twice', async () => {
    const gateway = await startWithFolder();
    const ofBob = await upload(gateway, png(), { principal: 'bob' });
    const own = await upload(gateway, png());
    const unknown = own.id.replace(/.{4}$/, '0000');
    for (const id of [ofBob.id, unknown, 'att_x', 'x\0']) {
      expect(await refusalOf(gateway, { sessionKey: 'k', text: 'x', attachmentIds: [own.id, id] })).toEqual({
        __typename: 'InvalidInputError',
        message: `attachmentIds.1: There is no attachment ${id}. It may have expired: upload the file again.`,
        issues: [expect.objectContaining({ path: ['attachmentIds', '1'] })],
      });
    }
    expect(await refusalOf(gateway, { sessionKey: 'k', text: 'x', attachmentIds: [own.id, own.id] })).toMatchObject({
      message: `attachmentIds.1: The attachment ${own.id} is given twice.`,
    });
    expect(await gateway.gateway.parts.database.reader.session.count()).toBe(0);
  });

  test('if there are more attachments, or more bytes of them, than are allowed', async () => {
    const gateway = await startWithFolder({ file: { attachments: { perMessage: 2 } } });
    const attachmentIds = ['a', 'b', 'c'].map((id) => `att_${id}`);
    expect(await refusalOf(gateway, { sessionKey: 'k', text: 'x', attachmentIds })).toMatchObject({
      __typename: 'LimitExceededError',
      limit: 'attachmentsPerMessage',
    });
    const large = await Promise.all(
      ['a', 'b'].map((name) => upload(gateway, Buffer.concat([png(name), Buffer.alloc(18_000_000)]), { name })),
    );
    expect(
      await refusalOf(gateway, { sessionKey: 'k', text: 'x', attachmentIds: large.map(({ id }) => id) }),
    ).toMatchObject({ __typename: 'LimitExceededError', limit: 'modelAttachmentBytes' });
    expect(await gateway.gateway.parts.database.reader.session.count()).toBe(0);
  });

  test('if the model of the message, of its agent, or the default model cannot read an attachment', async () => {
    const gateway = await startWithFolder({ file: { models: blind } });
    const { id } = await upload(gateway, png(), { name: 'b.png' });
    const text = await upload(gateway, 'words');
    const agent = await createAgent(gateway.client, { name: 'blind', instructions: '', model: 'blind' });
    const message = { sessionKey: 'k', text: 'x', attachmentIds: [text.id, id] };
    const refusal = {
      __typename: 'InvalidInputError',
      message: expect.stringContaining('The model "blind" cannot read "b.png", which is image/png. It reads text.'),
    };
    expect(await refusalOf(gateway, { ...message, model: 'blind' })).toMatchObject(refusal);
    expect(await refusalOf(gateway, { ...message, agentId: agent.id })).toMatchObject(refusal);
    expect(await gateway.gateway.parts.database.reader.session.count()).toBe(0);
    const zip = await upload(gateway, Buffer.from([0x50, 0x4b, 5, 6, ...new Array(18).fill(0)]), { name: 'z.zip' });
    expect(await refusalOf(gateway, { sessionKey: 'k', text: 'x', attachmentIds: [zip.id] })).toMatchObject({
      message: expect.stringContaining('cannot read "z.zip", which is application/zip. It reads text, image, pdf.'),
    });
    expect(await gateway.gateway.parts.database.reader.session.count()).toBe(0);
  });
});

describe('B70: a purge', () => {
  test('erases attachments and their bytes, unless another message or upload of the owner refers to them', async () => {
    const gateway = await startWithFolder();
    const { client, folder } = gateway;
    const own = await upload(gateway, png('own'));
    const shared = await upload(gateway, png('shared'));
    const sameBytes = await upload(gateway, png('bytes'));
    await upload(gateway, png('bytes'), { name: 'again' });
    const ofBob = await upload(gateway, png('own'), { principal: 'bob' });
    const attachmentIds = [own.id, shared.id, sameBytes.id];
    const { session, run } = await send(client, { sessionKey: 'purged', text: '/say x', attachmentIds });
    await follow(client, run.id);
    await converse(client, { sessionKey: 'kept', text: '/say y', attachmentIds: [shared.id] });
    const { purgeSession } = await client.send(PurgeSessionDocument, {
      input: { sessionId: session.id, confirmKey: 'purged' },
    });
    expect(purgeSession.__typename).toBe('PurgeSessionSuccess');
    expect((await download(gateway, own.url)).status).toBe(404);
    expect((await download(gateway, sameBytes.url)).status).toBe(404);
    expect((await download(gateway, shared.url)).status).toBe(200);
    expect((await download(gateway, ofBob.url, 'bob')).status).toBe(200);
    expect(await filesIn(folder)).toHaveLength(3);
    expect(await attachmentRows(gateway)).toEqual({ attachments: 3, blobs: 3, uses: 1, discarded: 0 });
  });

  test('that the store does not complete is completed later', async () => {
    const gateway = await startWithFolder();
    const { client, folder } = gateway;
    const { id } = await upload(gateway, png());
    const { session, run } = await send(client, { sessionKey: 'purged', text: '/say x', attachmentIds: [id] });
    await follow(client, run.id);
    const { blobs } = gateway.gateway.parts.commands;
    const { remove } = blobs;
    blobs.remove = () => Promise.reject(new Error('The store is away.'));
    await client.send(PurgeSessionDocument, { input: { sessionId: session.id, confirmKey: 'purged' } });
    expect(await attachmentRows(gateway)).toEqual({ attachments: 0, blobs: 0, uses: 0, discarded: 1 });
    blobs.remove = remove;
    await gateway.restart();
    await until(async () => (await filesIn(folder)).length === 0, 'the removal of the file');
  });
});
