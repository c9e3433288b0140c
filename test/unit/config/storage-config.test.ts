import { expect, test } from 'vitest';
import { readConfiguration } from '../../../src/config/configuration.ts';
import { isRetentionOn, quotaOf, retentionOf } from '../../../src/config/storage-config.ts';

function read(file: object) {
  const outcome = readConfiguration({}, () => JSON.stringify(file));
  if (!outcome.ok) throw new Error(outcome.problems.join('\n'));
  return outcome.configuration.file;
}

function problemsOf(file: object): string[] {
  const outcome = readConfiguration({}, () => JSON.stringify(file));
  return outcome.ok ? [] : outcome.problems;
}

test('by default only memories have a quota, and nothing is archived or purged', () => {
  const { quotas, retention, storage } = read({});
  expect(quotaOf(quotas, 'ada')).toEqual({ maxStoredBytes: null, maxSessions: null, maxMemories: 10_000 });
  expect(isRetentionOn(retention)).toBe(false);
  expect(storage.minFreeBytes).toBe(64 * 1024 * 1024);
});

test('a principal has the keys of its own entry, null included, and the general ones for the rest', () => {
  const { quotas } = read({
    quotas: {
      maxStoredBytes: 5,
      maxSessions: 6,
      principals: { ada: { maxStoredBytes: null, maxMemories: 7 }, bob: { maxSessions: 2 } },
    },
  });
  expect(quotaOf(quotas, 'ada')).toEqual({ maxStoredBytes: null, maxSessions: 6, maxMemories: 7 });
  expect(quotaOf(quotas, 'bob')).toEqual({ maxStoredBytes: 5, maxSessions: 2, maxMemories: 10_000 });
  for (const name of ['eve', 'toString', '__proto__']) {
    expect(quotaOf(quotas, name)).toEqual({ maxStoredBytes: 5, maxSessions: 6, maxMemories: 10_000 });
  }
});

test('an agent has the times of its own entry, and the general ones for the rest', () => {
  const { retention } = read({
    retention: { archiveAfterDays: 10, agents: { support: { purgeAfterDays: 30 }, legal: { archiveAfterDays: null } } },
  });
  expect(retentionOf(retention, 'support')).toEqual({ archiveAfterDays: 10, purgeAfterDays: 30 });
  expect(retentionOf(retention, 'legal')).toEqual({ archiveAfterDays: null, purgeAfterDays: null });
  for (const agent of [null, 'other', 'constructor']) {
    expect(retentionOf(retention, agent)).toEqual({ archiveAfterDays: 10, purgeAfterDays: null });
  }
  expect(isRetentionOn(retention)).toBe(true);
  expect(isRetentionOn(read({ retention: { agents: { support: { purgeAfterDays: 1 } } } }).retention)).toBe(true);
  expect(isRetentionOn(read({ retention: { archiveAfterDays: 1 } }).retention)).toBe(true);
  expect(isRetentionOn(read({ retention: { agents: { support: { purgeAfterDays: null } } } }).retention)).toBe(false);
});

test('an agent named null is not the lack of an agent', () => {
  const { retention } = read({ retention: { purgeAfterDays: 10, agents: { null: { purgeAfterDays: 30 } } } });
  expect(retentionOf(retention, null).purgeAfterDays).toBe(10);
  expect(retentionOf(retention, 'null').purgeAfterDays).toBe(30);
});

test('sessions that are never archived can be purged at any time', () => {
  expect(problemsOf({ retention: { purgeAfterDays: 1 } })).toEqual([]);
});

test('sessions that would be purged before they are archived are reported with what to do', () => {
  const problems = problemsOf({
    retention: { archiveAfterDays: 30, purgeAfterDays: 30, agents: { support: { archiveAfterDays: 60 }, legal: {} } },
  });
  expect(problems).toEqual([
    expect.stringContaining('retention.purgeAfterDays: is 30, but archiveAfterDays is 30: sessions would be purged'),
    expect.stringContaining('retention.agents.support.purgeAfterDays: is 30, but archiveAfterDays is 60'),
    expect.stringContaining('retention.agents.legal.purgeAfterDays: is 30, but archiveAfterDays is 30'),
  ]);
});

test.each([
  [{ quotas: { maxSessions: 0 } }, 'quotas.maxSessions'],
  [{ quotas: { maxMemories: 2 ** 31 } }, 'quotas.maxMemories'],
  [{ quotas: { maxStoredBytes: 1.5 } }, 'quotas.maxStoredBytes'],
  [{ quotas: { principals: { ' ada': {} } } }, 'the name of a principal must have 1 to 200 characters'],
  [{ quotas: { principals: { ada: { sessions: 1 } } } }, 'unknown key "sessions"'],
  [{ storage: { minFreeBytes: -1 } }, 'storage.minFreeBytes'],
  [{ retention: { purgeAfterDays: 40_000 } }, 'retention.purgeAfterDays'],
  [{ retention: { agents: { support: 5 } } }, 'retention.agents.support'],
])('%j is refused', (file, expected) => {
  expect(problemsOf(file)).toEqual([expect.stringContaining(expected)]);
});
