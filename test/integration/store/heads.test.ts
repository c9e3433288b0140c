import { randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openForReading } from '../../../src/database/open-database.ts';
import { GENESIS_HASH, hashOf, type StoredEvent } from '../../../src/journal/codec.ts';
import { createSigner } from '../../../src/journal/signer.ts';
import { verifyDatabase } from '../../../src/server/commands/verify.ts';
import { PurgeSessionDocument } from '../../generated/graphql.ts';
import { converse, follow, send } from '../conversation.ts';
import { calling, countedTool } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';
import { changeStore, newDatabaseUrl } from './stored-data.ts';

const signingKey = Buffer.alloc(32, 3);
const { publicKey } = createSigner(signingKey);

function newFile(): string {
  const path = join(tmpdir(), `runtape-heads-${randomUUID()}`);
  onTestFinished(() => rm(path, { force: true }));
  return path;
}

type Options = Parameters<typeof verifyDatabase>[1];

async function verify(databaseUrl: string, options: Options = {}, key: Uint8Array | null = signingKey) {
  const lines: string[] = [];
  const { faults } = await verifyDatabase({ databaseUrl, signingKey: key }, options, (line) => lines.push(line));
  return { faults, output: lines.join('\n') };
}

/** A closed database with ended runs, one of which was purged after the heads were written. */
async function databaseWithHeads(key: Buffer | null = signingKey) {
  const url = await newDatabaseUrl();
  const environment: Record<string, string> = key ? { RUNTAPE_SIGNING_KEY: key.toString('base64') } : {};
  const { client, gateway } = await startTestGateway({ environment, tools: [countedTool()] }, url);
  const talk = (sessionKey: string) => converse(client, { sessionKey, text: calling(['count', { word: sessionKey }]) });
  const removed = (await talk('removed')).run;
  const changed = (await talk('changed')).run;
  const purged = (await talk('purged')).run;
  const open = await send(client, { sessionKey: 'open', text: '/pace 20\n/words 5' });
  await follow(client, open.run.id, { isLast: ({ type }) => type === 'OUTPUT_DELTA' });
  const heads = newFile();
  const written = await verify(url, { 'write-heads': heads }, key);
  expect(written).toMatchObject({ faults: 0 });
  await talk('changed');
  await send(client, { sessionKey: 'later', text: '/say later' });
  const purge = { sessionId: purged.session.id, confirmKey: 'purged' };
  expect((await client.send(PurgeSessionDocument, { input: purge })).purgeSession.__typename).toBe(
    'PurgeSessionSuccess',
  );
  await converse(client, { sessionKey: 'open', text: '/say end' });
  await gateway.close(10);
  return { url, heads, removed, changed, purged, openId: open.run.id };
}

/** Everything of a run, as somebody would delete it who leaves no trace. */
function removal(runId: string, sessionId: string): [string, string][] {
  const ofRun = ['Event', 'StoredText', 'Lease', 'Wait', 'AttachmentUse', 'RunMetadata', 'Tape', 'Activity'];
  return [
    ...ofRun.map((table): [string, string] => [`DELETE FROM "${table}" WHERE "runId" = ?`, runId]),
    ['DELETE FROM "Run" WHERE "id" = ?', runId],
    ['DELETE FROM "Passage" WHERE "sourceId" = ?', runId],
    ['DELETE FROM "Session" WHERE "id" = ?', sessionId],
  ];
}

/** The events of a tape with another text in the first one, and with hashes that fit. */
async function recomputed(url: string, runId: string): Promise<[string, ...unknown[]][]> {
  const database = await openForReading(url);
  try {
    const rows = await database.reader.event.findMany({ where: { runId }, orderBy: { seq: 'asc' } });
    let hash = GENESIS_HASH;
    return rows.map((row) => {
      const event = { ...row, recordedAt: Number(row.recordedAt) } as Omit<StoredEvent, 'hash'>;
      const payload = event.payload.replaceAll('changed', 'altered');
      hash = hashOf(hash, { ...event, payload });
      return [
        'UPDATE "Event" SET "payload" = ?, "hash" = ? WHERE "runId" = ? AND "seq" = ?',
        payload,
        hash,
        runId,
        row.seq,
      ];
    });
  } finally {
    await database.close();
  }
}

test('B113: verify against signed heads names removed runs, cut tapes and recomputed chains, and counts purges', async () => {
  const { url, heads, removed, changed, purged, openId } = await databaseWithHeads();
  expect(JSON.parse((await readFile(heads, 'utf8')).split('\n').at(-2) ?? '')).toMatchObject({ tapes: 4, publicKey });
  const intact = await verify(url, { against: heads });
  expect(intact.faults).toBe(0);
  expect(intact.output).toContain(`signed with the key ${publicKey}: 4 tapes, 1 purged since, 0 removed or changed`);

  await changeStore(url, removal(removed.id, removed.session.id));
  // Without heads nothing shows that a run is missing.
  expect(await verify(url)).toMatchObject({ faults: 0 });
  const withoutRun = await verify(url, { against: heads });
  expect(withoutRun.faults).toBe(1);
  expect(withoutRun.output).toMatch(new RegExp(`^${removed.id}: is missing, and had \\d+ events on 20\\S+$`, 'm'));

  // Without the key nobody can record a purge that did not happen.
  for (const signature of [null, 'forged', createSigner(Buffer.alloc(32, 4)).sign('x')]) {
    await changeStore(url, [
      ['DELETE FROM "PurgedSession" WHERE "sessionId" = ?', removed.session.id],
      [
        `INSERT INTO "PurgedSession" SELECT ?, "purgedAt", ? FROM "PurgedSession" WHERE "sessionId" = ?`,
        removed.session.id,
        signature,
        purged.session.id,
      ],
    ]);
    const forged = await verify(url, { against: heads });
    expect(forged.faults).toBe(1);
    expect(forged.output).toContain(`${removed.session.id} was purged is not signed with the key of the heads`);
  }

  await changeStore(url, await recomputed(url, changed.id));
  const chain = await verify(url, { against: heads });
  expect(chain.output).toMatch(
    new RegExp(`^${changed.id}: event \\d+ has another hash than on .* its hashes recomputed$`, 'm'),
  );
  expect(chain.output).toMatch(/, 0 broken tapes$/m);

  await changeStore(url, [
    ['DELETE FROM "Event" WHERE "runId" = ? AND "seq" > 1', openId],
    ['UPDATE "Tape" SET "closed" = false WHERE "runId" = ?', openId],
  ]);
  const cut = await verify(url, { against: heads });
  expect(cut.output).toMatch(
    new RegExp(`^${openId}: event \\d+ (is missing, and was on the tape on|has another hash)`, 'm'),
  );
  const refused = newFile();
  const rewritten = await verify(url, { against: heads, 'write-heads': refused });
  expect(rewritten.output).toContain('The heads were not written');
  await expect(readFile(refused)).rejects.toThrow('ENOENT');
});

test('B113: heads that were changed, cut off or signed by another key are refused', async () => {
  const { url, heads } = await databaseWithHeads();
  const text = await readFile(heads, 'utf8');
  const [first = '', second = '', third = '', ...rest] = text.split('\n');
  const other = newFile();
  const against = async (content: string, options: Options = {}) => {
    await writeFile(other, content);
    return verify(url, { ...options, against: other }).catch((error: Error) => error.message);
  };
  expect(await against([first, third, second, ...rest].join('\n'))).toContain('was changed, or its end is missing');
  expect(await against([first, second, ...rest].join('\n'))).toContain('was changed, or its end is missing');
  expect(await against(text.replace(/"seq":\d+/, '"seq":1'))).toContain('was changed, or its end is missing');
  const incomplete = 'is not a complete file of heads';
  for (const content of [
    '',
    '\n',
    '{}\n',
    '{}\n{}\n',
    text.slice(0, -200),
    'x'.repeat(100_000),
    `${'['.repeat(1500)}\n`.repeat(3),
  ]) {
    expect(await against(content), content.slice(0, 20)).toContain(incomplete);
  }
  expect(await against(text, { 'public-key': createSigner(Buffer.alloc(32, 4)).publicKey })).toContain('was expected');
  expect(await against(text, { 'public-key': 'no key' })).toContain('was expected');
  expect(await against(text.replace(/"signature":"./, '"signature":"~'))).toContain('its signature is not valid');
  expect(await against(text.replace(/,"publicKey".*/, '}'))).toContain('is not signed, and the key');
  await expect(verify(url, { 'write-heads': heads })).rejects.toThrow('exists already, and heads replace nothing');
  await expect(verify(url, { against: `${heads}-absent` })).rejects.toThrow('ENOENT');
});

test('B113: without a key heads show a removed run, and records of purges count without a signature', async () => {
  const { url, heads, removed, purged } = await databaseWithHeads(null);
  const intact = await verify(url, { against: heads }, null);
  expect(intact.faults).toBe(0);
  expect(intact.output).toContain('not signed: 4 tapes, 1 purged since, 0 removed or changed');
  await changeStore(url, [
    ...removal(removed.id, removed.session.id),
    ['DELETE FROM "PurgedSession" WHERE "sessionId" = ?', purged.session.id],
  ]);
  expect(await verify(url, { against: heads }, null)).toMatchObject({ faults: 2 });
});
