import { describe, expect, test } from 'vitest';
import { createStderrLines } from '../../../../src/tools/mcp/stdio-channel.ts';
import { createFakeClock } from '../../fake-clock.ts';

describe('stderr', () => {
  function createLines() {
    const logged: string[] = [];
    const clock = createFakeClock();
    return { logged, clock, write: createStderrLines(clock, (line) => logged.push(line)) };
  }

  test('is split into lines, across chunks and characters', () => {
    const { logged, write } = createLines();
    const bytes = Buffer.from('Grüße\n\n  zwei\r\nrest');
    for (const byte of bytes) write(Buffer.from([byte]));
    expect(logged).toEqual(['Grüße', '  zwei']);
  });

  test('does not flood the log: long lines are cut, and lines in one minute are limited', async () => {
    const { logged, clock, write } = createLines();
    write(Buffer.from(`${'x'.repeat(100_000)}\n`));
    expect(logged[0]).toHaveLength(1000);
    write(Buffer.from('again\n'.repeat(10_000)));
    expect(logged).toHaveLength(121);
    expect(logged.at(-1)).toBe('[further lines of this minute are not logged]');
    await clock.advance(60_000);
    write(Buffer.from('later\n'));
    expect(logged.at(-1)).toBe('later');
  });
});
