import { StringDecoder } from 'node:string_decoder';
import type { Clock } from '../../../clock.ts';
import { MCP_STDERR_CHARACTERS, MCP_STDERR_LINES } from '../../../config/limits.ts';

const MINUTE = 60_000;

/** Takes a stream apart into lines of bounded length and number: a server that floods its stderr must not flood the log. */
export function createStderrLines(clock: Clock, onLine: (line: string) => void): (chunk: Buffer) => void {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let minuteBegan = clock.elapsed();
  let lines = 0;
  const say = (line: string) => {
    if (clock.elapsed() - minuteBegan >= MINUTE) {
      minuteBegan = clock.elapsed();
      lines = 0;
    }
    lines += 1;
    if (lines <= MCP_STDERR_LINES) onLine(line.slice(0, MCP_STDERR_CHARACTERS));
    else if (lines === MCP_STDERR_LINES + 1) onLine('[more lines than are kept of a minute]');
  };
  return (chunk) => {
    const pieces = (rest + decoder.write(chunk)).split('\n');
    // What is kept of a line that has no end is bounded too.
    rest = (pieces.pop() ?? '').slice(0, MCP_STDERR_CHARACTERS);
    for (const piece of pieces) if (piece.trim() !== '') say(piece.trimEnd());
  };
}
