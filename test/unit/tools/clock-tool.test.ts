import { describe, expect, test } from 'vitest';
import type { Json } from '../../../src/domain/events.ts';
import { createClockTool } from '../../../src/tools/clock-tool.ts';
import type { ToolContext } from '../../../src/tools/tool.ts';
import { createFakeClock } from '../fake-clock.ts';

const context: ToolContext = {
  signal: new AbortController().signal,
  idempotencyKey: 'key',
  session: { id: 'session_1', owner: 'ada' },
};

describe('clock', () => {
  const readClock = (instant: string, input: Json) =>
    createClockTool(createFakeClock(Date.parse(instant))).execute(input, context);

  test('has low risk and can run in parallel', () => {
    const tool = createClockTool(createFakeClock());
    expect(tool).toMatchObject({ name: 'clock', risk: 'LOW', idempotent: true, parallelSafe: true, source: 'builtin' });
    expect(tool.inputSchema).toMatchObject({ type: 'object', properties: { timeZone: { type: 'string' } } });
  });

  test('returns UTC if no time zone is given', async () => {
    expect(await readClock('2026-03-01T23:05:09.123Z', {})).toEqual({
      instant: '2026-03-01T23:05:09.123Z',
      timeZone: 'UTC',
      local: '2026-03-01T23:05:09+00:00',
      weekday: 'Sunday',
    });
  });

  test.each([
    ['Europe/Berlin', '2026-03-02T00:05:09+01:00', 'Monday'],
    ['America/New_York', '2026-03-01T18:05:09-05:00', 'Sunday'],
    ['Asia/Kolkata', '2026-03-02T04:35:09+05:30', 'Monday'],
  ])('returns the local time of %s', async (timeZone, local, weekday) => {
    expect(await readClock('2026-03-01T23:05:09.123Z', { timeZone })).toMatchObject({ local, weekday });
  });

  test('applies daylight saving time and writes midnight as 00', async () => {
    expect(await readClock('2026-07-01T22:00:00Z', { timeZone: 'Europe/Berlin' })).toMatchObject({
      local: '2026-07-02T00:00:00+02:00',
    });
  });

  test('B35: an unknown time zone and a misspelt field are errors with a correction', () => {
    const { prepare } = createClockTool(createFakeClock());
    expect(prepare({ timeZone: 'Mars/Olympus' }, 'ada')).toEqual({
      ok: false,
      error: 'Unknown time zone "Mars/Olympus". Use an IANA name such as "Europe/Berlin", or omit it for UTC.',
    });
    expect(prepare({ timezone: 'Europe/Berlin' }, 'ada')).toMatchObject({ error: expect.stringContaining('timezone') });
    expect(prepare({ timeZone: 1 }, 'ada')).toMatchObject({ error: expect.stringContaining('timeZone') });
    expect(prepare({ timeZone: 'Europe/Berlin' }, 'ada')).toEqual({ ok: true, input: { timeZone: 'Europe/Berlin' } });
  });
});
