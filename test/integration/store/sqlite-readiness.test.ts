import BetterSqlite from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { writingStatement } from '../../../src/database/statement.ts';
import { SendMessageDocument } from '../../generated/graphql.ts';
import { send } from '../conversation.ts';
import { startTestGateway, type TestGateway, until } from '../gateway.ts';

async function ready(url: string): Promise<[number, string]> {
  const response = await fetch(new URL('/readyz', url));
  return [response.status, (await response.text()).trim()];
}

async function fillDisk({ gateway: { parts } }: TestGateway): Promise<() => Promise<unknown>> {
  const [row] = await parts.database.reader.$queryRawUnsafe<{ page_count: bigint }[]>('PRAGMA page_count');
  const limit = (pages: number) =>
    parts.database.query(
      writingStatement<{ pages: number }>({ pages: 'int' }, () => `PRAGMA max_page_count = ${pages}`),
    );
  await limit(Number(row?.page_count ?? 1n));
  return () => limit(1_000_000);
}

test('B52: while writes fail /readyz answers 503 with the reason, and 200 after one has succeeded', async () => {
  const started = await startTestGateway();
  const { url, client } = started;
  expect(await ready(url)).toEqual([200, 'ok']);
  const freeSpace = await fillDisk(started);
  const input = { sessionKey: 'full', text: 'x'.repeat(50_000) };
  await client.send(SendMessageDocument, { input }).catch(() => null);
  expect(await ready(url)).toEqual([503, 'the database cannot store changes: the disk is full']);
  // The server writes by itself to find out that there is space again.
  await freeSpace();
  await until(async () => (await ready(url))[0] === 200);
  await send(client, { sessionKey: 'space', text: 'Hello' });
});

test('B52: a schema that does not fit is reported until an append succeeds', async () => {
  const { url, client, gateway } = await startTestGateway();
  const [row] = await gateway.parts.database.reader.$queryRawUnsafe<{ file: string }[]>(
    'SELECT file FROM pragma_database_list',
  );
  const other = new BetterSqlite(row?.file ?? '');
  onTestFinished(() => void other.close());
  other.exec('ALTER TABLE "Run" RENAME COLUMN "state" TO "phase"');
  await client.send(SendMessageDocument, { input: { sessionKey: 'k', text: 'Hello' } }).catch(() => null);
  const problem = [503, 'the database cannot store changes: its schema does not fit this release'];
  expect(await ready(url)).toEqual(problem);
  other.exec('ALTER TABLE "Run" RENAME COLUMN "phase" TO "state"');
  await gateway.parts.database.write((writer) => writer.rateUse.deleteMany());
  expect(await ready(url)).toEqual(problem);
  await send(client, { sessionKey: 'k', text: 'Hello' });
  expect(await ready(url)).toEqual([200, 'ok']);
});

test('B52: a mutation that was not stored has the status 503, and 200 for application/json', async () => {
  for (const httpAccelerator of [true, false]) {
    const started = await startTestGateway({ httpAccelerator });
    const freeSpace = await fillDisk(started);
    const query = SendMessageDocument.toString();
    const body = JSON.stringify({ query, variables: { input: { sessionKey: 'full', text: 'x'.repeat(50_000) } } });
    const post = async (accept: string) => {
      const headers = { 'content-type': 'application/json', accept };
      const response = await fetch(started.url, { method: 'POST', headers, body });
      const { errors, data } = (await response.json()) as { errors: { extensions: object }[]; data: unknown };
      return [response.status, errors[0]?.extensions, data];
    };
    const unavailable = { code: 'UNAVAILABLE' };
    expect(await post('application/graphql-response+json')).toEqual([503, unavailable, null]);
    expect(await post('application/json')).toEqual([200, unavailable, null]);
    await freeSpace();
  }
});
