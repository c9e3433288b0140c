import { expect, test } from 'vitest';
import { converse, follow, runById, send, typesOf } from '../conversation.ts';
import { startTestGateway, until } from '../gateway.ts';

const shortLease = { RUNTAPE_LEASE_SECONDS: '1' };

test('a lease is renewed until its run ends', async () => {
  const { client } = await startTestGateway({ environment: shortLease });
  const { run } = await converse(client, { sessionKey: 'long', text: '/pace 10\n/words 250' });
  expect(Date.parse(run.endedAt ?? '') - Date.parse(run.startedAt ?? '')).toBeGreaterThan(2000);
  expect(run).toMatchObject({ state: 'DONE', resumptions: 0 });
});

test('an executor that lost its lease writes nothing more, and the run resumes when the new holder is lost', async () => {
  const { client, gateway } = await startTestGateway({ environment: shortLease });
  const { database, orchestrator } = gateway.parts;
  const { run, cursor } = await send(client, { sessionKey: 'taken', text: '/pace 5\n/words 400' });
  await follow(client, run.id, { isLast: ({ type }) => type === 'OUTPUT_DELTA' });
  const stolen = { holder: 'srv_other', epoch: { increment: 1 }, expiresAt: new Date(Date.now() + 1500) };
  await database.write((store) => store.lease.update({ where: { runId: run.id }, data: stolen }));
  await until(async () => orchestrator.activeCount() === 0);
  const { head } = await runById(client, run.id);
  await until(async () => orchestrator.activeCount() === 1);
  const events = await follow(client, run.id, { after: cursor });
  expect(events.find(({ seq }) => seq === head + 1)).toMatchObject({
    type: 'RESUMPTION',
    payload: { epoch: 3, lost: true },
  });
  expect(await runById(client, run.id)).toMatchObject({ state: 'DONE', resumptions: 1 });
});

test('a server that stops releases its leases, so that the run is not counted as lost', async () => {
  const first = await startTestGateway({ environment: shortLease });
  const { run } = await send(first.client, { sessionKey: 'back', text: '/pace 5\n/words 300' });
  await follow(first.client, run.id, { isLast: ({ type }) => type === 'OUTPUT_DELTA' });
  const { client, gateway } = await first.restart();
  const events = await follow(client, run.id);
  const resumption = events.find(({ type }) => type === 'RESUMPTION');
  expect(resumption?.payload).toMatchObject({ lost: false, reason: 'Its server was stopped.' });
  expect(typesOf(events).filter((type) => type === 'CONTEXT')).toHaveLength(2);
  expect((await runById(client, run.id)).output?.split(' ')).toHaveLength(300);
  await until(
    async () => (await gateway.parts.database.reader.lease.count({ where: { holder: { not: null } } })) === 0,
  );
});
