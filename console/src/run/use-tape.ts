import type { TapeEvent } from '@runtape/client';
import { useEffect, useState } from 'react';
import { client } from '../gateway/connection.ts';

export interface Tape {
  /** The events so far, in order: the event with seq N is at N - 1. */
  events: readonly TapeEvent[];
  /** Whether the run has ended and every event is there. */
  isComplete: boolean;
  error: unknown;
}

const none: Tape = { events: [], isComplete: false, error: null };
/** A long tape arrives in thousands of pieces. The page is drawn again at most this often, and less often the longer the tape is. */
const DRAW_MILLISECONDS = 100;
const EVENTS_PER_MILLISECOND = 50;

/** Every event of a run, then each new one. */
export function useTape(runId: string): Tape {
  const [tape, setTape] = useState(none);
  useEffect(() => {
    const leaving = new AbortController();
    const events: TapeEvent[] = [];
    let drawing: ReturnType<typeof setTimeout> | null = null;
    const draw = (change: Partial<Tape> = {}) => {
      drawing = null;
      if (!leaving.signal.aborted) setTape({ events: [...events], isComplete: false, error: null, ...change });
    };
    const read = async () => {
      for await (const event of client.run(runId).events({ signal: leaving.signal })) {
        events.push(event);
        // The first events are shown at once.
        drawing ??= setTimeout(
          draw,
          events.length < 500 ? 16 : DRAW_MILLISECONDS + events.length / EVENTS_PER_MILLISECOND,
        );
      }
    };
    setTape(none);
    read().then(
      () => draw({ isComplete: true }),
      (error: unknown) => draw({ error }),
    );
    return () => {
      leaving.abort();
      if (drawing !== null) clearTimeout(drawing);
    };
  }, [runId]);
  return tape;
}
