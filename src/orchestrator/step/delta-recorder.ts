import type { NewEvent } from '../../domain/events.ts';
import { storableText } from '../../domain/storable-text.ts';
import type { ModelSink } from '../../models/model.ts';
import type { Progress } from './record-step.ts';

/** A longer piece becomes several events, each far below the bound of an event. */
const PIECE_CHARACTERS = 16 * 1024;
/** The whole text of an answer must fit in its `output` event, escapes included. */
const ANSWER_BYTES = 192 * 1024;

export interface DeltaRecorder {
  sink: ModelSink;
  /** Waits for what is being recorded and returns what is not recorded yet. */
  finish(): Promise<NewEvent[]>;
  /** Everything said so far. */
  text(): string;
  /** Whether anything came at all, thoughts included. */
  hasSpoken(): boolean;
}

interface Piece {
  type: 'thought' | 'output_delta';
  texts: string[];
}

/**
 * Records pieces as they come. What arrives while a commit is in flight becomes one event in the next: under load the tape
 * holds fewer, larger deltas and never falls behind.
 */
export function createDeltaRecorder(options: {
  step: number;
  record(events: NewEvent[]): Promise<Progress>;
  /** The run is not this executor's any more, or the store failed: the model must be stopped. */
  onStop(error: unknown): void;
  /** The answer is as long as it may be: the model must be stopped. */
  onFull(): void;
}): DeltaRecorder {
  const spoken: string[] = [];
  const pending: Piece[] = [];
  let bytes = 0;
  let recording: Promise<void> | null = null;
  let stopped = false;
  let hasSpoken = false;

  const events = () => eventsOf(pending.splice(0), options.step);

  /** What could not be recorded leaves a hole: nothing may come behind it. */
  function stop(error: unknown): void {
    stopped = true;
    pending.length = 0;
    options.onStop(error);
  }

  async function drain(): Promise<void> {
    // Pieces of the same turn of the event loop share the first event.
    await Promise.resolve();
    try {
      while (pending.length > 0) {
        const progress = await options.record(events());
        if (progress.kind === 'stop') return stop(null);
      }
    } catch (error) {
      stop(error);
    } finally {
      recording = null;
    }
  }

  function take(type: Piece['type'], text: string): void {
    if (text === '' || stopped || bytes >= ANSWER_BYTES) return;
    hasSpoken = true;
    const last = pending.at(-1);
    if (last?.type === type) last.texts.push(text);
    else pending.push({ type, texts: [text] });
    recording ??= drain();
    if (type === 'thought') return;
    spoken.push(text);
    bytes += Buffer.byteLength(JSON.stringify(text)) - 2;
    if (bytes >= ANSWER_BYTES) options.onFull();
  }

  return {
    sink: {
      text: (piece) => take('output_delta', storableText(piece)),
      thought: (piece) => take('thought', storableText(piece)),
    },
    async finish() {
      while (recording !== null) await recording;
      return events();
    },
    text: () => spoken.join(''),
    hasSpoken: () => hasSpoken,
  };
}

function eventsOf(pieces: readonly Piece[], step: number): NewEvent[] {
  return pieces.flatMap(({ type, texts }) =>
    slices(texts.join('')).map((text): NewEvent => ({ type, actor: 'MODEL', payload: { step, text } })),
  );
}

function slices(text: string): string[] {
  if (text.length <= PIECE_CHARACTERS) return [text];
  const parts: string[] = [];
  for (let start = 0; start < text.length; ) {
    let end = Math.min(start + PIECE_CHARACTERS, text.length);
    if (/[\uD800-\uDBFF]/.test(text[end - 1] ?? '') && end < text.length) end -= 1;
    parts.push(text.slice(start, end));
    start = end;
  }
  return parts;
}
