import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { removeDiscardedBlobs } from '../../../src/application/attachments/remove-blobs.ts';
import { createExpirySweep } from '../../../src/application/expiry-sweep.ts';
import { BlobStoreError } from '../../../src/attachments/blob-store.ts';
import { StoreError } from '../../../src/database/store-error.ts';
import { PurgeSessionDocument, SendMessageDocument } from '../../generated/graphql.ts';
import { converse, follow, send } from '../conversation.ts';
import { until } from '../gateway.ts';
import { attachmentRows, download, filesIn, png, post, startWithFolder, upload } from './uploads.ts';

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

test('B70: an upload that no message refers to is deleted after a day; one that is used stays', async () => {
  const gateway = await startWithFolder();
  const { client, folder } = gateway;
  const used = await upload(gateway, png('used'));
  await converse(client, { sessionKey: 'k', text: '/say x', attachmentIds: [used.id] });
  const unused = await upload(gateway, png('unused'));
  const sameBytes = await upload(gateway, png('used'));
  const { commands } = gateway.gateway.parts;
  const sweepAt = async (now: number) => {
    let time = commands.now();
    const sweep = createExpirySweep({ ...commands, now: () => time });
    time = now;
    await sweep();
  };
  await sweepAt(Date.parse(unused.createdAt) + DAY_MILLISECONDS - 1);
  expect((await download(gateway, unused.url)).status).toBe(200);
  await sweepAt(Date.parse(sameBytes.createdAt) + DAY_MILLISECONDS + 1);
  expect((await download(gateway, unused.url)).status).toBe(404);
  expect((await download(gateway, sameBytes.url)).status).toBe(404);
  expect((await download(gateway, used.url)).status).toBe(200);
  expect(await filesIn(folder)).toHaveLength(1);
  expect(await attachmentRows(gateway)).toEqual({ attachments: 1, blobs: 1, uses: 1, discarded: 0 });
  const { sendMessage } = await client.send(SendMessageDocument, {
    input: { sessionKey: 'k', text: 'x', attachmentIds: [unused.id] },
  });
  expect(sendMessage).toMatchObject({ __typename: 'InvalidInputError', message: expect.stringContaining('expired') });
});

test('an attachment that expires while its message is recorded is refused, and nothing is recorded', async () => {
  const gateway = await startWithFolder();
  const { id } = await upload(gateway, png());
  const { database } = gateway.gateway.parts;
  // The message was checked; the attachment is deleted just before the append.
  const query = database.query.bind(database);
  let isDeleted = false;
  database.query = async (statement, ...parameters) => {
    const rows = await query(statement, ...parameters);
    if (!isDeleted && 'blobId' in statement.columns) {
      isDeleted = true;
      await database.write((writer) => writer.attachment.deleteMany({ where: { id } }));
    }
    return rows;
  };
  const { sendMessage } = await gateway.client.send(SendMessageDocument, {
    input: { sessionKey: 'k', text: 'x', attachmentIds: [id] },
  });
  expect(sendMessage).toMatchObject({
    __typename: 'InvalidInputError',
    message: expect.stringContaining('no attachment'),
  });
  expect(await database.reader.session.count()).toBe(0);
});

test('B71: equal bytes that are uploaded while the old ones are purged are not lost', async () => {
  const gateway = await startWithFolder();
  const { client, folder } = gateway;
  for (let round = 0; round < 15; round += 1) {
    const content = png(String(round));
    const { id } = await upload(gateway, content);
    const { session, run } = await send(client, { sessionKey: `k${round}`, text: '/say x', attachmentIds: [id] });
    await follow(client, run.id);
    const [again] = await Promise.all([
      upload(gateway, content),
      client.send(PurgeSessionDocument, { input: { sessionId: session.id, confirmKey: `k${round}` } }),
    ]);
    const response = await download(gateway, again.url);
    expect([round, response.status]).toEqual([round, 200]);
    expect(Buffer.from(await response.arrayBuffer())).toEqual(content);
  }
  expect(await attachmentRows(gateway)).toEqual({ attachments: 15, blobs: 15, uses: 0, discarded: 0 });
  expect(await filesIn(folder)).toHaveLength(15);
});

test('what a killed server left of uploads is removed at the next start', async () => {
  const gateway = await startWithFolder();
  const { folder } = gateway;
  const kept = await upload(gateway, png());
  // An upload that was being received, and one that was stored without its rows.
  const received = join(folder, 'uploads', 'received');
  await writeFile(received, 'part of a file');
  const longAgo = new Date(Date.now() - DAY_MILLISECONDS);
  await utimes(received, longAgo, longAgo);
  await mkdir(join(folder, 'stored', 'owner'), { recursive: true });
  await writeFile(join(folder, 'stored', 'owner', 'orphan'), 'stored');
  const { database } = gateway.gateway.parts;
  const after = inject('store') === 'sqlite' ? new Date(Date.now() + DAY_MILLISECONDS) : longAgo;
  await database.write((writer) => writer.discardedBlob.create({ data: { key: 'owner/orphan', after } }));
  const restarted = await gateway.restart();
  await until(async () => (await filesIn(folder)).length === 1, 'the removal of the files');
  expect((await download(restarted, kept.url)).status).toBe(200);
});

test('B71: bytes that are stored after their announcement has ended are removed', async () => {
  const gateway = await startWithFolder();
  const { commands } = gateway.gateway.parts;
  const put = commands.blobs.put.bind(commands.blobs);
  commands.blobs.put = async (key, file) => {
    // This server is frozen for longer than an hour, and another one removes what is announced.
    await commands.database.write((writer) => writer.discardedBlob.updateMany({ data: { after: new Date(0) } }));
    await removeDiscardedBlobs(commands);
    await put(key, file);
  };
  expect((await post(gateway, png())).ok).toBe(false);
  expect(await filesIn(gateway.folder)).toEqual([]);
  expect(await attachmentRows(gateway)).toEqual({ attachments: 0, blobs: 0, uses: 0, discarded: 0 });
});

test('a store that does not remove bytes is asked once by each sweep, and removes the others the next time', async () => {
  const gateway = await startWithFolder();
  const { commands, orchestrator } = gateway.gateway.parts;
  // Its own sweeps would remove them too.
  await orchestrator.stop(0);
  const longAgo = (days: number) => new Date(Date.now() - days * DAY_MILLISECONDS);
  const rows = [3, 2, 1].map((days) => ({ key: `owner/${days}`, after: longAgo(days) }));
  await commands.database.write((writer) => writer.discardedBlob.createMany({ data: rows }));
  const asked: string[] = [];
  commands.blobs.remove = async (key) => {
    asked.push(key);
    // A store that cannot be reached fails after seconds or minutes. This one keeps the oldest bytes for ever.
    if (key === 'owner/3') throw new BlobStoreError('away');
  };
  await removeDiscardedBlobs(commands);
  expect(asked.splice(0)).toEqual(['owner/3']);
  await removeDiscardedBlobs(commands);
  expect(asked).toEqual(['owner/2', 'owner/1', 'owner/3']);
  expect(await attachmentRows(gateway)).toMatchObject({ discarded: 1 });
});

test('a purge erases what it deleted although the database fails while the bytes of attachments are removed', async () => {
  const gateway = await startWithFolder();
  const { client } = gateway;
  const { commands } = gateway.gateway.parts;
  const { database } = commands;
  const { id } = await upload(gateway, png());
  const { session, run } = await send(client, { sessionKey: 'k', text: '/say x', attachmentIds: [id] });
  await follow(client, run.id);
  const { write, eraseDeleted } = database;
  let erased = 0;
  database.eraseDeleted = async () => {
    erased += 1;
    await eraseDeleted();
  };
  commands.blobs.remove = async () => {
    database.write = () => Promise.reject(new StoreError('busy', 'locked'));
  };
  const purged = client.send(PurgeSessionDocument, { input: { sessionId: session.id, confirmKey: 'k' } });
  await expect(purged).rejects.toThrow();
  database.write = write;
  expect(erased).toBe(1);
  expect(await database.reader.session.count()).toBe(0);
});
