import type { TapeEvent } from './tape-event.ts';

export interface TextPiece {
  text: string;
  /** The step started over: drop the text of that step. */
  reset: boolean;
  /** The model call that the text belongs to. */
  step: number;
}

/** Reads the text of the answers from events, as it is written. Called with each batch of them, in order. */
export function createTextReader(): (events: readonly TapeEvent[]) => readonly TextPiece[] {
  let step = 0;
  let text = '';

  function read(event: TapeEvent): TextPiece | null {
    if (event.type === 'OUTPUT_DELTA') {
      if (event.step !== step) text = '';
      step = event.step;
      text += event.text;
      return { text: event.text, reset: false, step };
    }
    if (event.type === 'RESUMPTION' && event.step === step && text !== '') {
      text = '';
      return { text, reset: true, step };
    }
    if (event.type !== 'OUTPUT') return null;
    const seen = event.step === step ? text : '';
    text = '';
    step = 0;
    // What was streamed is the answer, unless the server says otherwise.
    if (seen === event.text) return null;
    const reset = !event.text.startsWith(seen);
    return { text: reset ? event.text : event.text.slice(seen.length), reset, step: event.step };
  }

  return (events) => events.flatMap((event) => read(event) ?? []);
}
