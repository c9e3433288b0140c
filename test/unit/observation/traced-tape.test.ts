import { expect, test } from 'vitest';
import type { Journal } from '../../../src/journal/journal.ts';
import { readTracedTape } from '../../../src/observation/traced-tape.ts';
import { output, recordedTape, status } from '../domain/given.ts';

test('a tape is read in pages, without the pieces of answers, up to a page that is not full', async () => {
  const events = recordedTape(...Array.from({ length: 2001 }, () => status('PENDING', 'IN_PROGRESS')));
  const pages: number[] = [];
  const read: Journal['read'] = async (runId, { after, limit, types }) => {
    expect([runId, limit]).toEqual(['run_1', 1000]);
    expect(types).toEqual(expect.arrayContaining(['input', 'status', 'output', 'resumption', 'compaction']));
    for (const type of ['output_delta', 'thought', 'tool_progress'] as const) expect(types).not.toContain(type);
    pages.push(after);
    return events.slice(after, after + limit);
  };
  expect(await readTracedTape(read, 'run_1')).toEqual(events);
  expect(pages).toEqual([0, 1000, 2000]);
});

test('a short tape needs one page', async () => {
  const events = recordedTape(output(1));
  let reads = 0;
  const read: Journal['read'] = async () => {
    reads += 1;
    return events;
  };
  expect(await readTracedTape(read, 'run_1')).toEqual(events);
  expect(reads).toBe(1);
});
