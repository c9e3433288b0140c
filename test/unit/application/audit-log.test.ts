import { expect, test } from 'vitest';
import { type AuditEntry, createAuditLog, type RefusedAttempt } from '../../../src/application/audit/audit-log.ts';
import * as limits from '../../../src/config/limits.ts';
import type { Row, RowWrite } from '../../../src/database/batch-statement.ts';
import { createIds } from '../../../src/ids.ts';
import { createLogger } from '../../../src/logger.ts';
import { createFakeClock } from '../fake-clock.ts';

const attempt = (change: Partial<AuditEntry<RefusedAttempt>> = {}): AuditEntry<RefusedAttempt> => ({
  event: 'sign-in-failed',
  principal: null,
  address: '192.0.2.1',
  rule: null,
  details: { reason: 'unknown' },
  ...change,
});

function createLog() {
  const clock = createFakeClock();
  const rows: Row[] = [];
  let failure: Error | null = null;
  const database = {
    async commit(writes: readonly RowWrite[]) {
      if (failure) throw failure;
      rows.push(...writes.map(({ row }) => row));
    },
  };
  const logger = createLogger('silent');
  const audit = createAuditLog({ database, clock, newId: createIds(clock.now), logger });
  const fail = (error: Error | null) => {
    failure = error;
  };
  return { clock, rows, audit, fail };
}

test('equal attempts are one entry with their number and the details of the first, at the end of the window', async () => {
  const { audit, clock, rows } = createLog();
  for (let index = 0; index < 1000; index += 1) audit.count(attempt());
  audit.count(attempt({ details: { reason: 'expired' } }));
  const decision = {
    event: 'decision-refused',
    principal: 'eve',
    details: { reason: 'conflict', runId: 'run_1' },
  } as const;
  audit.count(attempt(decision));
  audit.count(attempt({ ...decision, details: { reason: 'conflict', runId: 'run_2' } }));
  expect(rows).toEqual([]);
  await clock.advance(limits.AUDIT_WINDOW_SECONDS * 1000);
  expect(rows.map(({ event, count, details }) => [event, count, details])).toEqual([
    ['sign-in-failed', 1000, '{"reason":"unknown"}'],
    ['sign-in-failed', 1, '{"reason":"expired"}'],
    ['decision-refused', 2, '{"reason":"conflict","runId":"run_1"}'],
  ]);
});

test('a stranger with many addresses cannot make more than a bounded number of entries', async () => {
  const { audit, clock, rows } = createLog();
  for (let index = 0; index < 5000; index += 1) audit.count(attempt({ address: `2001:db8::${index.toString(16)}` }));
  audit.count(attempt({ event: 'decision-refused', principal: 'ada' }));
  await clock.advance(limits.AUDIT_WINDOW_SECONDS * 1000);
  // What is refused for other reasons has its own entries.
  expect(rows.pop()).toMatchObject({ event: 'decision-refused', principal: 'ada', address: '192.0.2.1' });
  expect(rows).toHaveLength(limits.AUDIT_WINDOW_ENTRIES + 1);
  expect(rows.reduce((sum, { count }) => sum + Number(count), 0)).toBe(5000);
  expect(rows.at(-1)).toMatchObject({ address: null, details: '{"others":true}' });
  // Others are still told apart.
  audit.count(attempt({ event: 'scope-missing', principal: 'ada' }));
  await audit.close();
  expect(rows.at(-1)).toMatchObject({ event: 'scope-missing', principal: 'ada', count: 1 });
});

test('a principal with many addresses does not hide the attempts of others', async () => {
  const { audit, clock, rows } = createLog();
  const refused = (principal: string, address: string) =>
    audit.count(attempt({ event: 'scope-missing', principal, address }));
  for (let index = 0; index < 1000; index += 1) refused('mallory', `2001:db8::${index.toString(16)}`);
  refused('eve', '192.0.2.7');
  await clock.advance(limits.AUDIT_WINDOW_SECONDS * 1000);
  const own = rows.filter(({ principal }) => principal === 'mallory');
  expect(own).toHaveLength(limits.AUDIT_PRINCIPAL_ENTRIES + 1);
  expect(own.at(-1)).toMatchObject({ address: null, count: 995, details: '{"others":true}' });
  expect(rows.at(-1)).toMatchObject({ principal: 'eve', address: '192.0.2.7', count: 1 });
});

test('attempts that could not be stored are stored later, and close stores the rest', async () => {
  const { audit, clock, rows, fail } = createLog();
  audit.count(attempt());
  fail(new Error('the disk is full'));
  await clock.advance(limits.AUDIT_WINDOW_SECONDS * 1000);
  audit.count(attempt());
  fail(null);
  await audit.close();
  expect(rows).toHaveLength(1);
  expect(rows[0]).toMatchObject({ count: 2 });
  expect(clock.pending()).toBe(0);
});

test('a decision is one entry at its own time, stored with an append or by itself', async () => {
  const { audit, clock, rows } = createLog();
  await clock.advance(7000);
  const decision = {
    ...attempt(),
    event: 'call-denied',
    principal: 'ada',
    rule: 'p1',
    details: { tool: 'look' },
  } as const;
  const { row } = audit.rowOf(decision);
  expect(row).toEqual({
    id: expect.stringMatching(/^aud_/),
    event: 'call-denied',
    principal: 'ada',
    address: '192.0.2.1',
    rule: 'p1',
    details: '{"tool":"look"}',
    at: expect.stringContaining('1970-01-01T00:00:07.000'),
    count: 1,
  });
  expect(rows).toEqual([]);
  await audit.record(decision);
  expect(rows).toEqual([{ ...row, id: expect.not.stringContaining(String(row.id)) }]);
  // Closing stores nothing more.
  await audit.close();
  expect(rows).toHaveLength(1);
});
