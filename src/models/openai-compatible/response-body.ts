import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { createParser, type ParseError } from 'eventsource-parser';
import type { Clock } from '../../clock.ts';
import { PROVIDER_LINE_BYTES } from '../../config/limits.ts';
import { protocolError } from '../provider/failure.ts';
import type { GuardedCall } from '../provider/guarded-call.ts';
import type { CompletionReader } from './completion-reader.ts';

/** How long the connection may stay open for usage and its own end after the response is complete. */
const TAIL_MILLISECONDS = 5000;

/**
 * Feeds a body to the reader as it arrives. Resolves at the last event, without waiting for the connection to close.
 * Rejects with what the reader throws, and then closes the connection. If the connection is lost after the end of the
 * response, only the usage may be missing, so it resolves.
 */
export function readResponse(
  body: Readable,
  reader: CompletionReader,
  { received, signal }: GuardedCall,
  clock: Clock,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const decoder = new StringDecoder('utf8');
    let format: BodyFormat | null = null;
    let cancelTail: (() => void) | null = null;
    body.on('data', (chunk: Buffer) => {
      if (reader.isDone() || body.destroyed) return;
      received();
      try {
        const text = decoder.write(chunk);
        format ??= formatOf(text, reader);
        format?.take(text);
      } catch (error) {
        reject(error);
        body.destroy();
      }
      if (reader.isDone()) resolve();
      if (cancelTail === null && (reader.isDone() || reader.hasFinished())) {
        cancelTail = clock.after(TAIL_MILLISECONDS, () => body.destroy());
      }
    });
    body.on('end', () => {
      try {
        if (format === null) throw protocolError('it is empty');
        format.end();
        resolve();
      } catch (error) {
        reject(error);
      }
    });
    body.on('error', (error) => (reader.hasFinished() && !signal.aborted ? resolve() : reject(error)));
    body.on('close', () => cancelTail?.());
  });
}

interface BodyFormat {
  take(text: string): void;
  end(): void;
}

/**
 * Decides by the first character, because servers send the wrong content type for both formats; null if there is none
 * yet. A server that does not stream responds with one JSON object.
 */
function formatOf(text: string, reader: CompletionReader): BodyFormat | null {
  const first = text.trimStart().charAt(0);
  if (first === '') return null;
  if (first === '<') throw protocolError('it is an HTML page. Check baseURL and the proxies before the provider');
  return first === '{' || first === '[' ? jsonFormat(reader) : eventStreamFormat(reader);
}

function jsonFormat(reader: CompletionReader): BodyFormat {
  let json = '';
  return {
    take(text) {
      json += text;
      if (json.length > PROVIDER_LINE_BYTES) throw protocolError('it is too long');
    },
    end: () => reader.readWhole(json),
  };
}

function eventStreamFormat(reader: CompletionReader): BodyFormat {
  const parser = createParser({
    maxBufferSize: PROVIDER_LINE_BYTES,
    onEvent: ({ data }) => reader.readEvent(data),
    onError: (error) => handleParseError(error, reader),
  });
  return {
    take: (text) => parser.feed(text),
    end() {
      try {
        // The last event may lack the empty line that ends it.
        parser.feed('\n\n');
      } catch (error) {
        if (!isTruncatedEvent(error)) throw error;
      }
    },
  };
}

/** If the last event is cut off, the response is incomplete rather than invalid, and the reader reports that itself. */
function isTruncatedEvent(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof SyntaxError;
}

/** Ignores lines that are not part of the format, except that some servers report failures in a field `error`. */
function handleParseError(error: ParseError, reader: CompletionReader): void {
  if (error.type === 'max-buffer-size-exceeded') throw protocolError('a line is too long', error);
  if (error.type === 'unknown-field' && error.field === 'error') reader.readFailure(error.value ?? '');
}
