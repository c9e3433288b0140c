import type { TapeEvent } from './tape-event.ts';

export interface TextPiece {
  text: string;
  /** The step started over: drop the text of that step. */
  reset: boolean;
  /** The model call that the text belongs to. */
  step: number;
}

/** The events of batches, one at a time. Without a promise of its own for each event of a batch. */
export function eventsOf(batches: AsyncIterableIterator<readonly TapeEvent[]>): AsyncIterableIterator<TapeEvent> {
  let events: readonly TapeEvent[] = [];
  let index = 0;
  const iterator: AsyncIterableIterator<TapeEvent> = {
    next() {
      const event = events[index++];
      return event ? Promise.resolve({ done: false, value: event }) : refill();
    },
    async return() {
      events = [];
      await batches.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
  async function refill(): Promise<IteratorResult<TapeEvent, undefined>> {
    const { done, value } = await batches.next();
    if (done) return { done: true, value: undefined };
    events = value;
    index = 0;
    return iterator.next() as Promise<IteratorResult<TapeEvent, undefined>>;
  }
  return iterator;
}

/** The text of the answers, as it is written. */
export async function* textOf(events: AsyncIterableIterator<TapeEvent>): AsyncGenerator<TextPiece, void> {
  let step = 0;
  let text = '';
  for await (const event of events) {
    if (event.type === 'OUTPUT_DELTA') {
      if (event.step !== step) text = '';
      step = event.step;
      text += event.text;
      yield { text: event.text, reset: false, step };
    } else if (event.type === 'RESUMPTION' && event.step === step && text !== '') {
      text = '';
      yield { text: '', reset: true, step };
    } else if (event.type === 'OUTPUT') {
      const seen = event.step === step ? text : '';
      // What was streamed is the answer, unless the server says otherwise.
      if (seen !== event.text) {
        const reset = !event.text.startsWith(seen);
        yield { text: reset ? event.text : event.text.slice(seen.length), reset, step: event.step };
      }
      text = '';
      step = 0;
    }
  }
}
