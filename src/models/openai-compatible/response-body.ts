import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { createParser, type ParseError } from 'eventsource-parser';
import type { Clock } from '../../clock.ts';
import { PROVIDER_ERROR_BYTES, PROVIDER_LINE_BYTES } from '../../config/limits.ts';
import { protocolError } from '../provider/response-values.ts';
import type { CompletionReader } from './completion-reader.ts';

/** How long usage, and the end of the connection, may take behind the end of an answer. */
const TAIL_MILLISECONDS = 5000;

/**
 * Feeds a body to the reader as it arrives. Resolves at the last event, and does not wait for the connection to notice;
 * rejects with what the reader throws, the connection being closed then. A connection that is lost behind the end of the
 * answer has lost nothing but its usage.
 */
export function readAnswer(
  body: Readable,
  reader: CompletionReader,
  { heard, clock, signal }: { heard(): void; clock: Clock; signal: AbortSignal },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const decoder = new StringDecoder('utf8');
    let form: Form | null = null;
    let tail: (() => void) | null = null;
    body.on('data', (chunk: Buffer) => {
      if (reader.isDone() || body.destroyed) return;
      heard();
      try {
        const text = decoder.write(chunk);
        form ??= formOf(text, reader);
        form?.take(text);
      } catch (error) {
        reject(error);
        body.destroy();
      }
      if (reader.isDone()) resolve();
      if (tail === null && (reader.isDone() || reader.hasFinished())) {
        tail = clock.after(TAIL_MILLISECONDS, () => body.destroy());
      }
    });
    body.on('end', () => {
      try {
        form?.end();
        resolve();
      } catch (error) {
        reject(error);
      }
    });
    body.on('error', (error) => (reader.hasFinished() && !signal.aborted ? resolve() : reject(error)));
    body.on('close', () => tail?.());
  });
}

/** How an answer is written. */
interface Form {
  take(text: string): void;
  end(): void;
}

/**
 * Told by the first character, since servers name the wrong type of content for both; null where there is none yet. A
 * server that does not stream answers with one object.
 */
function formOf(text: string, reader: CompletionReader): Form | null {
  const first = text.trimStart().charAt(0);
  if (first === '') return null;
  return first === '{' || first === '[' ? wholeForm(reader) : eventsForm(reader);
}

function wholeForm(reader: CompletionReader): Form {
  let whole = '';
  return {
    take(text) {
      whole += text;
      if (whole.length > PROVIDER_LINE_BYTES) throw protocolError('more than it may');
    },
    end: () => reader.readWhole(whole),
  };
}

function eventsForm(reader: CompletionReader): Form {
  const parser = createParser({
    maxBufferSize: PROVIDER_LINE_BYTES,
    onEvent: ({ data }) => reader.readEvent(data),
    onError: (error) => refuse(error, reader),
  });
  return {
    take: (text) => parser.feed(text),
    end() {
      try {
        // The last event may lack the empty line that ends it.
        parser.feed('\n\n');
      } catch (error) {
        if (!isCutOff(error)) throw error;
      }
    },
  };
}

/** An event that ended in the middle is no nonsense: the answer broke off, and the reader says so by itself. */
function isCutOff(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof SyntaxError;
}

/** Lines that the format does not know are passed over; but some servers report failures in a field `error`. */
function refuse(error: ParseError, reader: CompletionReader): void {
  if (error.type === 'max-buffer-size-exceeded') throw protocolError('a line without an end', error);
  if (error.type === 'unknown-field' && error.field === 'error') reader.readFailure(error.value ?? '');
}

/** A whole body, cut where it is too long: by default as the words of a failure are. */
export async function readText(
  body: Readable,
  heard: () => void,
  mostBytes: number = PROVIDER_ERROR_BYTES,
): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    heard();
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > mostBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, mostBytes).toString('utf8');
}
