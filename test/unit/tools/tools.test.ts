import { describe, expect, test } from 'vitest';
import { MEMORY_BYTES, MEMORY_TAGS, TAG_CHARACTERS } from '../../../src/config/limits.ts';
import type { Json } from '../../../src/domain/events.ts';
import { createClockTool } from '../../../src/tools/clock-tool.ts';
import { createMemoryTools, type Memories } from '../../../src/tools/memory-tools.ts';
import type { ToolContext } from '../../../src/tools/tool.ts';
import { createToolbox } from '../../../src/tools/toolbox.ts';
import { createFakeClock } from '../fake-clock.ts';

const context: ToolContext = {
  signal: new AbortController().signal,
  idempotencyKey: 'key',
  session: { id: 'session_1', owner: 'ada' },
};

describe('clock', () => {
  const tellTime = (instant: string, input: Json) =>
    createClockTool(createFakeClock(Date.parse(instant))).execute(input, context);

  test('is declared harmless', () => {
    const tool = createClockTool(createFakeClock());
    expect(tool).toMatchObject({ name: 'clock', risk: 'LOW', idempotent: true, parallelSafe: true, source: 'builtin' });
    expect(tool.inputSchema).toMatchObject({ type: 'object', properties: { timeZone: { type: 'string' } } });
  });

  test('tells UTC when no zone is named', async () => {
    expect(await tellTime('2026-03-01T23:05:09.123Z', {})).toEqual({
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
  ])('tells the wall clock of %s', async (timeZone, local, weekday) => {
    expect(await tellTime('2026-03-01T23:05:09.123Z', { timeZone })).toMatchObject({ local, weekday });
  });

  test('knows summer time, and writes midnight as 00', async () => {
    expect(await tellTime('2026-07-01T22:00:00Z', { timeZone: 'Europe/Berlin' })).toMatchObject({
      local: '2026-07-02T00:00:00+02:00',
    });
  });

  test('B35: an unknown zone and a misspelt field are errors that say what would do', () => {
    const { prepare } = createClockTool(createFakeClock());
    expect(prepare({ timeZone: 'Mars/Olympus' })).toEqual({
      ok: false,
      error: 'Unknown time zone "Mars/Olympus". Use an IANA name such as "Europe/Berlin", or leave it out for UTC.',
    });
    expect(prepare({ timezone: 'Europe/Berlin' })).toMatchObject({ error: expect.stringContaining('timezone') });
    expect(prepare({ timeZone: 1 })).toMatchObject({ error: expect.stringContaining('timeZone') });
    expect(prepare({ timeZone: 'Europe/Berlin' })).toEqual({ ok: true, input: { timeZone: 'Europe/Berlin' } });
  });
});

describe('memory', () => {
  function memoryTools() {
    const asked: Parameters<Memories['search']>[0][] = [];
    const saved: Parameters<Memories['save']>[0][] = [];
    const memories: Memories = {
      async search(question) {
        asked.push(question);
        return [{ id: 'memory_1', text: 'Ada likes tea.', tags: ['tea'] }];
      },
      async save(memory) {
        saved.push(memory);
        return { id: 'memory_2' };
      },
    };
    const toolbox = createToolbox(createMemoryTools(memories));
    const toolNamed = (name: string) => {
      const tool = toolbox.find(name);
      if (tool === null) throw new Error(`There is no ${name}.`);
      return tool;
    };
    return { asked, saved, search: toolNamed('memory_search'), save: toolNamed('memory_save') };
  }

  test('searching is harmless, saving is not', () => {
    const { search, save } = memoryTools();
    expect(search).toMatchObject({ risk: 'LOW', idempotent: true, parallelSafe: true });
    expect(save).toMatchObject({ risk: 'MEDIUM', idempotent: false });
  });

  test('searches for the owner of the session, five at the most where nothing is said', async () => {
    const { asked, search } = memoryTools();
    expect(await search.execute({ query: ' tea ' }, context)).toEqual({
      memories: [{ id: 'memory_1', text: 'Ada likes tea.', tags: ['tea'] }],
    });
    await search.execute({ query: 'tea', limit: 20 }, context);
    expect(asked).toEqual([
      { owner: 'ada', sessionId: 'session_1', query: 'tea', limit: 5 },
      { owner: 'ada', sessionId: 'session_1', query: 'tea', limit: 20 },
    ]);
  });

  test('saves for every session of the owner, or for this one', async () => {
    const { saved, save } = memoryTools();
    expect(await save.execute({ text: 'Tea.', tags: ['tea', 'tea', 'drink'] }, context)).toEqual({ id: 'memory_2' });
    await save.execute({ text: 'Coffee today.', thisSessionOnly: true }, context);
    expect(saved).toEqual([
      { owner: 'ada', sessionId: null, text: 'Tea.', tags: ['tea', 'drink'] },
      { owner: 'ada', sessionId: 'session_1', text: 'Coffee today.', tags: [] },
    ]);
  });

  test.each<[string, Json]>([
    ['no query', {}],
    ['a blank query', { query: '  ' }],
    ['a limit of 0', { query: 'tea', limit: 0 }],
    ['a limit of 21', { query: 'tea', limit: 21 }],
    ['half a memory', { query: 'tea', limit: 1.5 }],
    ["somebody else's name", { query: 'tea', owner: 'eve' }],
    ['no object', 'tea'],
  ])('B35: memory_search refuses %s', (_, input) => {
    expect(memoryTools().search.prepare(input)).toEqual({
      ok: false,
      error: expect.stringMatching(/^Invalid input: ./),
    });
  });

  test.each<[string, Json]>([
    ['a blank text', { text: ' ' }],
    ['too many bytes', { text: 'é'.repeat(MEMORY_BYTES / 2 + 1) }],
    ['too many tags', { text: 'Tea.', tags: Array.from({ length: MEMORY_TAGS + 1 }, (_, index) => `${index}`) }],
    ['a long tag', { text: 'Tea.', tags: ['x'.repeat(TAG_CHARACTERS + 1)] }],
    ['an empty tag', { text: 'Tea.', tags: [''] }],
    ['NUL', { text: 'Te\0a' }],
    ['half a character', { text: 'Tea \ud83c' }],
    ["somebody else's name", { text: 'Tea.', owner: 'eve' }],
  ])('B35: memory_save refuses %s', (_, input) => {
    expect(memoryTools().save.prepare(input)).toEqual({ ok: false, error: expect.stringMatching(/^Invalid input: ./) });
  });

  test('memory_save takes what is just within its bounds', () => {
    const input = {
      text: 'é'.repeat(MEMORY_BYTES / 2),
      tags: Array.from({ length: MEMORY_TAGS }, (_, index) => `${index}`.padEnd(TAG_CHARACTERS, 'x')),
    };
    expect(memoryTools().save.prepare(input)).toEqual({ ok: true, input });
  });
});
