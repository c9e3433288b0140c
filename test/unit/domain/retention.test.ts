import { describe, expect, test } from 'vitest';
import { dueAction } from '../../../src/domain/retention.ts';

const DAY = 24 * 60 * 60 * 1000;
const now = 1000 * DAY;
const periods = { archiveAfterDays: 30, purgeAfterDays: 365 };
const session = { activeAt: now, isArchived: false, isOpen: false, hasBranches: false };
const idleFor = (days: number, more: Partial<typeof session> = {}) => ({
  ...session,
  activeAt: now - days * DAY,
  ...more,
});

describe('retention', () => {
  test('archives a session that was idle for the period, and then purges it', () => {
    expect(dueAction(idleFor(29), periods, now)).toBeNull();
    expect(dueAction(idleFor(30), periods, now)).toEqual({ kind: 'archive', idleSince: now - 30 * DAY });
    expect(dueAction(idleFor(364, { isArchived: true }), periods, now)).toBeNull();
    expect(dueAction(idleFor(365, { isArchived: true }), periods, now)).toEqual({
      kind: 'purge',
      idleSince: now - 365 * DAY,
    });
    expect(dueAction(idleFor(365), periods, now)).toMatchObject({ kind: 'purge' });
  });

  test('leaves a session alone that has an open run', () => {
    expect(dueAction(idleFor(400, { isOpen: true }), periods, now)).toBeNull();
  });

  test('archives a session with branches, and never purges it', () => {
    expect(dueAction(idleFor(400, { hasBranches: true }), periods, now)).toMatchObject({ kind: 'archive' });
    expect(dueAction(idleFor(400, { hasBranches: true, isArchived: true }), periods, now)).toBeNull();
  });

  test('does nothing without a period', () => {
    expect(dueAction(idleFor(900), { archiveAfterDays: null, purgeAfterDays: null }, now)).toBeNull();
    expect(dueAction(idleFor(900), { ...periods, purgeAfterDays: null }, now)).toMatchObject({ kind: 'archive' });
  });
});
