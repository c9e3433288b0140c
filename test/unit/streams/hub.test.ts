import { describe, expect, test } from 'vitest';
import type { RecordedEvent } from '../../../src/domain/events.ts';
import type { RunStatus } from '../../../src/domain/transitions.ts';
import { hintsOf } from '../../../src/streams/notifications/hints.ts';
import { createNotificationHub, type RunNotification } from '../../../src/streams/notifications/hub.ts';
import { ANNOUNCE_MILLISECONDS, createPresence } from '../../../src/streams/notifications/presence.ts';
import { createFakeClock } from '../fake-clock.ts';

const notification = (runId: string, sessionId = 'session_1'): RunNotification => ({
  runId,
  sessionId,
  head: 1,
  events: null,
  hints: [],
});

describe('a hub of notifications', () => {
  test('calls the listeners of the run, of its session and of every run', () => {
    const hub = createNotificationHub();
    const heard: string[] = [];
    hub.onRun('run_1', () => heard.push('run 1'));
    hub.onRun('run_2', () => heard.push('run 2'));
    hub.onSession('session_1', () => heard.push('session'));
    hub.onAny(() => heard.push('any'));
    hub.publish(notification('run_1'));
    expect(heard).toEqual(['run 1', 'session', 'any']);
    hub.reportLoss('run_2');
    expect(heard.at(-1)).toBe('run 2');
  });

  test('keeps a topic as long as it has a listener', () => {
    const hub = createNotificationHub();
    const end = [hub.onRun('run_1', () => {}), hub.onRun('run_1', () => {})];
    const endAny = hub.onAny(() => {});
    expect(hub.topics()).toEqual(['run_1', '*']);
    end[0]?.();
    expect(hub.topics()).toEqual(['run_1', '*']);
    end[1]?.();
    endAny();
    expect(hub.topics()).toEqual([]);
    expect(hub.listeners()).toBe(0);
  });

  test('does not end a later subscription when an earlier one is ended twice', () => {
    const hub = createNotificationHub();
    const end = hub.onRun('run_1', () => {});
    end();
    hub.onRun('run_1', () => {});
    end();
    expect(hub.topics()).toEqual(['run_1']);
  });

  test('does not call a listener that an earlier one has ended', () => {
    const hub = createNotificationHub();
    const heard: string[] = [];
    let endSecond = () => {};
    hub.onRun('run_1', () => {
      heard.push('first');
      endSecond();
    });
    endSecond = hub.onRun('run_1', () => heard.push('second'));
    hub.publish(notification('run_1'));
    expect(heard).toEqual(['first']);
  });
});

describe('the hints of events', () => {
  const status = (from: RunStatus | null, to: RunStatus) =>
    ({ type: 'status', payload: { from, to } }) as unknown as RecordedEvent;
  const other = (type: RecordedEvent['type']) => ({ type, payload: {} }) as unknown as RecordedEvent;

  test.each<[string, RecordedEvent[], string[]]>([
    ['a new run', [status(null, 'PENDING')], ['activity', 'work']],
    ['a new run that its server starts', [status(null, 'PENDING'), status('PENDING', 'IN_PROGRESS')], ['activity']],
    ['a run that starts', [status('PENDING', 'IN_PROGRESS')], ['activity']],
    ['a run that waits', [other('approval_request'), status('IN_PROGRESS', 'AWAITING_APPROVAL')], ['activity']],
    ['a decision', [other('approval_decision')], ['activity']],
    ['a run that resumes', [status('AWAITING_APPROVAL', 'IN_PROGRESS')], ['activity', 'work']],
    ['the end of a run', [status('IN_PROGRESS', 'DONE')], ['activity', 'work', 'end']],
    ['a run that is cancelled while it is queued', [status('PENDING', 'CANCELLED')], ['activity', 'work', 'end']],
    ['output', [other('output_delta'), other('output')], []],
  ])('%s', (_name, events, expected) => {
    expect(hintsOf(events)).toEqual(expected);
  });
});

describe('the presence of other servers', () => {
  function listening() {
    const clock = createFakeClock();
    let announcements = 0;
    const presence = createPresence({
      clock,
      announce() {
        announcements += 1;
      },
    });
    return { clock, presence, announcements: () => announcements };
  }

  test('is assumed until a server has listened for one announcement', async () => {
    const { clock, presence, announcements } = listening();
    expect(presence.hasListeners()).toBe(true);
    presence.setArriving(true);
    expect([presence.hasListeners(), announcements()]).toEqual([true, 1]);
    await clock.advance(ANNOUNCE_MILLISECONDS - 1);
    expect([presence.hasListeners(), announcements()]).toEqual([true, 1]);
    await clock.advance(1);
    expect([presence.hasListeners(), announcements()]).toEqual([false, 2]);
  });

  test('lasts for three announcements after a message', async () => {
    const { clock, presence } = listening();
    presence.setArriving(true);
    await clock.advance(ANNOUNCE_MILLISECONDS);
    presence.heardFrom('other');
    expect(presence.hasListeners()).toBe(true);
    for (const isThere of [true, true, true, false]) {
      await clock.advance(ANNOUNCE_MILLISECONDS);
      expect(presence.hasListeners()).toBe(isThere);
    }
  });

  test('is announced at once to a server that is new, if messages arrive', async () => {
    const { presence, announcements } = listening();
    presence.heardFrom('early');
    expect(announcements()).toBe(0);
    presence.setArriving(true);
    presence.heardFrom('other');
    presence.heardFrom('other');
    expect(announcements()).toBe(2);
    presence.setArriving(false);
    presence.heardFrom('third');
    expect([presence.hasListeners(), announcements()]).toEqual([true, 2]);
  });
});
