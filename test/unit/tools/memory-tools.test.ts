import { describe, expect, test } from 'vitest';
import { MEMORY_BYTES, MEMORY_TAGS, TAG_CHARACTERS } from '../../../src/config/limits.ts';
import type { Json } from '../../../src/domain/events.ts';
import { createMemoryTools, type Memories } from '../../../src/tools/memory-tools.ts';
import type { ToolContext } from '../../../src/tools/tool.ts';
import { createToolbox } from '../../../src/tools/toolbox.ts';

const context: ToolContext = {
  signal: new AbortController().signal,
  idempotencyKey: 'key',
  session: { id: 'session_1', owner: 'ada' },
};

describe('memory', () => {
  function memoryTools() {
    const searches: Parameters<Memories['search']>[0][] = [];
    const saved: Parameters<Memories['save']>[0][] = [];
    const memories: Memories = {
      async search(query) {
        searches.push(query);
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
    return { searches, saved, search: toolNamed('memory_search'), save: toolNamed('memory_save') };
  }

  test('searching has low risk, saving medium', () => {
    const { search, save } = memoryTools();
    expect(search).toMatchObject({ risk: 'LOW', idempotent: true, parallelSafe: true });
    expect(save).toMatchObject({ risk: 'MEDIUM', idempotent: false });
  });

  test('searches the memories of the owner of the session, five by default', async () => {
    const { searches, search } = memoryTools();
    expect(await search.execute({ query: ' tea ' }, context)).toEqual({
      memories: [{ id: 'memory_1', text: 'Ada likes tea.', tags: ['tea'] }],
    });
    await search.execute({ query: 'tea', limit: 20 }, context);
    expect(searches).toEqual([
      { owner: 'ada', sessionId: 'session_1', query: 'tea', limit: 5 },
      { owner: 'ada', sessionId: 'session_1', query: 'tea', limit: 20 },
    ]);
  });

  test('saves for all sessions of the owner, or for this one', async () => {
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
    ['a fractional limit', { query: 'tea', limit: 1.5 }],
    ['an owner', { query: 'tea', owner: 'eve' }],
    ['a string instead of an object', 'tea'],
  ])('B35: memory_search refuses %s', (_, input) => {
    expect(memoryTools().search.prepare(input, 'ada')).toEqual({
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
    ['an unpaired surrogate', { text: 'Tea \ud83c' }],
    ['an owner', { text: 'Tea.', owner: 'eve' }],
  ])('B35: memory_save refuses %s', (_, input) => {
    expect(memoryTools().save.prepare(input, 'ada')).toEqual({
      ok: false,
      error: expect.stringMatching(/^Invalid input: ./),
    });
  });

  test('memory_save accepts an input exactly at its limits', () => {
    const input = {
      text: 'é'.repeat(MEMORY_BYTES / 2),
      tags: Array.from({ length: MEMORY_TAGS }, (_, index) => `${index}`.padEnd(TAG_CHARACTERS, 'x')),
    };
    expect(memoryTools().save.prepare(input, 'ada')).toEqual({ ok: true, input });
  });
});
