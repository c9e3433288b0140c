import type { Connection } from '../connection/connection.ts';
import type { Requests } from '../connection/requests.ts';
import { FollowRunDocument, type FollowRunSubscription, RunPageDocument } from '../generated/documents.ts';
import type { BatchSource } from '../iterate.ts';
import { createSource, type Readable } from '../readable.ts';
import { RuntapeError } from '../runtape-error.ts';
import type { TapeEvent } from './tape-event.ts';

/** One subscription of a run, shared by all of its readers. It exists while there are readers. */
export interface RunFeed {
  /** Every event after `after`, or from the first, each once and in order, as many at a time as are ready. */
  read(after: string | null, signal?: AbortSignal): BatchSource<readonly TapeEvent[]>;
  /** Whether the subscription has reached what was the newest event when it began, or began again. */
  readonly isCaughtUp: Readable<boolean>;
  /** Whether there is nothing to read after this position: no event, and none on its way. */
  isLast(position: Position): boolean;
}

/** A reader that lags behind by more than this many events loses its queue, and reads what it has missed in pages. */
const MAX_QUEUED_EVENTS = 5_000;
/** How often in a row a tape is read again because of a hole at the same position, or because a page lacks what has arrived. */
const MAX_HOLES = 5;

/** A position on the tape. `seq` is null if only the cursor is known, because a reader began there. */
interface Position {
  cursor: string | null;
  seq: number | null;
}

interface Reader {
  /** After the last event that it was given. */
  position: Position;
  queue: (readonly TapeEvent[])[];
  queued: number;
  wake(): void;
}

/** Whether a reader that is here has everything before `position`. */
const hasReached = ({ cursor, seq }: Position, position: Position) =>
  cursor === position.cursor || (seq !== null && position.seq !== null && seq >= position.seq);

const after = (events: readonly TapeEvent[], fallback: Position): Position => {
  const last = events.at(-1);
  return last ? { cursor: last.cursor, seq: last.seq } : fallback;
};

/** The events that directly follow a position, up to the first hole. Those before it were seen. */
function following(
  events: readonly TapeEvent[],
  { seq }: Position,
): { events: readonly TapeEvent[]; hasHole: boolean } {
  let next = seq === null ? (events[0]?.seq ?? 0) : seq + 1;
  const dense = events.filter((event) => {
    const isNext = event.seq === next;
    if (isNext) next += 1;
    return isNext;
  });
  return { events: dense, hasHole: (events.at(-1)?.seq ?? -1) >= next };
}

interface RunFeedOptions {
  runId: string;
  connection: Connection;
  requests: Requests;
  /** The last reader has left, or the run has ended. */
  onIdle(): void;
}

// biome-ignore lint/complexity/noExcessiveLinesPerFunction: the states and their transitions read best in one place
export function createRunFeed({ runId, connection, requests, onIdle }: RunFeedOptions): RunFeed {
  const readers = new Set<Reader>();
  const isCaughtUp = createSource(false);
  /** Stops the subscription; null if there is none. */
  let stopOperation: (() => void) | null = null;
  let position: Position = { cursor: null, seq: 0 };
  let isClosed = false;
  /** Why it is closed, unless it has reached the end of the tape. */
  let failure: RuntapeError | null = null;
  let holes = 0;

  function stop(): void {
    stopOperation?.();
    stopOperation = null;
    onIdle();
  }

  function finish(error: RuntapeError | null): void {
    failure = error;
    isClosed = true;
    stop();
    for (const { wake } of readers) wake();
  }

  /** What arrives does not continue where the last event was: it is read again. */
  function readAgain() {
    holes += 1;
    if (holes > MAX_HOLES) return finish(holeError(position));
    stopOperation?.();
    start(position);
  }

  function receive({ events, cursor, caughtUp, closed }: FollowRunSubscription['runEventBatches']) {
    const { events: fresh, hasHole } = following(events as readonly TapeEvent[], position);
    if (fresh.length > 0) {
      holes = 0;
      const before = position;
      position = after(fresh, position);
      for (const reader of readers) deliver(reader, before, fresh);
    }
    // Every event of the batch may have been seen. Without events the cursor of a batch is that of the last one.
    const isBehind = events.length === 0 && cursor !== position.cursor && position.seq;
    if (hasHole || isBehind) return readAgain();
    if (caughtUp) isCaughtUp.set(true);
    if (closed) finish(null);
  }

  function deliver(reader: Reader, before: Position, events: readonly TapeEvent[]): void {
    if (hasReached(after(reader.queue.at(-1) ?? [], reader.position), before)) {
      if (reader.queued + events.length > MAX_QUEUED_EVENTS && reader.queued > 0) {
        reader.queue = [];
        reader.queued = 0;
      } else {
        reader.queue.push(events);
        reader.queued += events.length;
      }
    }
    // A reader that is behind reads pages until it gets here. One that is ahead looks whether this is where it began.
    reader.wake();
  }

  function start(from: Position): void {
    position = from;
    stopOperation = connection.start({
      query: FollowRunDocument,
      variables() {
        isCaughtUp.set(false);
        return { runId, after: position.cursor };
      },
      next: (data) => receive((data as FollowRunSubscription).runEventBatches),
      // The server completes only after the batch that closes the tape.
      end(error) {
        stopOperation = null;
        if (error === null) readAgain();
        else finish(error);
      },
    });
  }

  async function readPage(reader: Reader, signal?: AbortSignal): Promise<readonly TapeEvent[]> {
    const { run } = await requests.read(RunPageDocument, { runId, after: reader.position.cursor }, signal);
    if (!run) throw new RuntapeError('NOT_FOUND', `There is no run ${runId}.`);
    const { events, hasHole } = following(run.tape.nodes as readonly TapeEvent[], reader.position);
    if (hasHole && events.length === 0) throw holeError(reader.position);
    return events;
  }

  function holeError({ seq }: Position): RuntapeError {
    const message = `The gateway does not deliver the event after seq ${seq} of the run ${runId}.`;
    return new RuntapeError('PROTOCOL', message, { retryable: true });
  }

  /** The next events for a reader, of its queue or of a page. */
  async function take(reader: Reader, signal?: AbortSignal): Promise<readonly TapeEvent[] | null | undefined> {
    for (;;) {
      const queued = reader.queue.shift();
      if (queued) {
        reader.queued -= queued.length;
        const { events } = following(queued, reader.position);
        if (events.length === 0) continue;
        reader.position = after(events, reader.position);
        return events;
      }
      if (hasReached(reader.position, position)) break;
      const events = await readPage(reader, signal);
      if (events.length === 0) {
        // It began at a cursor that the subscription has not reached yet.
        if (reader.position.seq === null) break;
        if (++holes > MAX_HOLES) throw holeError(reader.position);
        continue;
      }
      reader.position = after(events, reader.position);
      reader.queue = [];
      reader.queued = 0;
      return events;
    }
    if (failure !== null) throw failure;
    return isClosed ? null : undefined;
  }

  return {
    isCaughtUp,
    isLast: (each) => isCaughtUp.get() && hasReached(each, position),
    read(cursor, signal) {
      const from: Position = { cursor, seq: cursor === null ? 0 : null };
      const reader: Reader = { position: from, queue: [], queued: 0, wake() {} };
      return {
        begin(wake) {
          reader.wake = wake;
          readers.add(reader);
          if (stopOperation === null && !isClosed) start(from);
        },
        take: () => take(reader, signal),
        end() {
          readers.delete(reader);
          if (readers.size === 0) stop();
        },
      };
    },
  };
}
