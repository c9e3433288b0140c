import { MCP_MAX_RECONNECT_SECONDS, MCP_RECONNECT_SECONDS } from '../../config/limits.ts';
import type { MessageMeter } from './message-size.ts';

/** A part of an event stream, at most to the end of one event. */
export interface EventPart {
  bytes: Uint8Array;
  endsEvent: boolean;
}

/**
 * What the line that is read means. `name`: its field is not known yet. `pause`: the field `retry`, whose value is not known yet.
 * Lines of kind `other` are left out.
 */
type Line = 'name' | 'data' | 'id' | 'pause' | 'other';

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const COLON = 58;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
/** The longest beginning of a line that is needed to know what it means. */
const HELD_BYTES = 20;

const lineOfField: Readonly<Record<string, Line>> = { 'data:': 'data', 'id:': 'id', 'event:': 'id', 'retry:': 'pause' };

/**
 * Reads an event stream and passes on the lines that the SDK uses: `data`, `id`, `event`, and `retry` with a time that is neither too
 * short nor too long. The meter gets the data as JSON and the other bytes as such: a quotation mark in a comment would make it take
 * names for texts. The caller checks and resets the meter.
 */
export function createEventParts(meter: MessageMeter): (chunk: Uint8Array) => Generator<EventPart> {
  let line: Line = 'name';
  /** The beginning of a line of the kinds `name` and `pause`. */
  let held = '';
  let previous = 0;
  let position = 0;

  function endOfLine(): string {
    if (line === 'name') return held === 'data' ? 'data\n' : held === '' ? '\n' : '';
    if (line === 'pause') return isAllowedPause(held) ? `${held}\n` : '';
    return line === 'other' ? '' : '\n';
  }

  return function* partsOf(chunk) {
    const passed = Buffer.allocUnsafe(chunk.length + HELD_BYTES);
    let start = 0;
    let end = 0;
    let dataStart = 0;
    const pass = (text: string) => {
      end += passed.write(text, end, 'latin1');
    };
    const measureData = () => {
      if (line === 'data') meter.addJson(passed, dataStart, end);
      dataStart = end;
    };
    for (const byte of chunk) {
      const isMark = position < BYTE_ORDER_MARK.length && byte === BYTE_ORDER_MARK[position];
      position += 1;
      meter.addBytes(1);
      const isRestOfLineEnd = byte === LINE_FEED && previous === CARRIAGE_RETURN;
      previous = byte;
      if (isMark || isRestOfLineEnd) continue;
      if (byte === LINE_FEED || byte === CARRIAGE_RETURN) {
        measureData();
        const endsEvent = line === 'name' && held === '';
        pass(endOfLine());
        line = 'name';
        held = '';
        if (!endsEvent) continue;
        yield { bytes: passed.subarray(start, end), endsEvent };
        start = end;
      } else if (line === 'data' || line === 'id') {
        passed[end] = byte;
        end += 1;
      } else if (line !== 'other') {
        held += String.fromCharCode(byte);
        if (line === 'name' && byte === COLON) line = lineOfField[held] ?? 'other';
        if (line === 'data' || line === 'id') pass(held);
        dataStart = end;
        if (held.length === HELD_BYTES) line = 'other';
      }
    }
    measureData();
    if (end > start) yield { bytes: passed.subarray(start, end), endsEvent: false };
  };
}

/** Without a pause the SDK would connect again and again, and a timer that is too long for the machine ends at once. */
function isAllowedPause(line: string): boolean {
  const milliseconds = Number(/^retry: ?(\d{1,9})$/.exec(line)?.[1] ?? Number.NaN);
  return milliseconds >= MCP_RECONNECT_SECONDS * 1000 && milliseconds <= MCP_MAX_RECONNECT_SECONDS * 1000;
}
