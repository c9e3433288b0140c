import type { NewEvent } from '../../domain/events.ts';
import { beginningOf, storableText } from '../../domain/storable-text.ts';
import type { ModelSink } from '../../models/model.ts';
import type { StepOutcome } from '../run-execution.ts';

/** A longer piece is split into several events, each far below the size limit of an event. */
const PIECE_CHARACTERS = 16 * 1024;

export interface DeltaRecorder {
  sink: ModelSink;
  /** Resolves when every piece so far is recorded, or `onStop` was called. */
  finish(): Promise<void>;
  /**
   * Waits for the commit in flight and returns the events of what came after it, which the caller records with the end of the answer.
   * If that is much, it is recorded first, and nothing is returned.
   */
  takeRest(): Promise<NewEvent[]>;
  /** The text of the answer so far. */
  text(): string;
  /** Length of text and thoughts so far, in UTF-8. */
  bytes(): number;
  /** Whether something was cut off, because the answer had reached its limit. */
  isCut(): boolean;
  /** Whether the model has produced anything, thoughts included. */
  hasOutput(): boolean;
}

interface Piece {
  type: 'thought' | 'output_delta';
  texts: string[];
}

/**
 * Records pieces as they arrive. Pieces that arrive while a commit is in flight become one event in the next commit: under load
 * the tape holds fewer and larger deltas.
 */
export function createDeltaRecorder(options: {
  step: number;
  /** Limit of text and thoughts together. */
  answerBytes: number;
  /** Nothing is recorded before this resolves; with false, nothing is recorded at all. */
  ready: Promise<boolean>;
  record(events: NewEvent[]): Promise<StepOutcome>;
  /** Called with null when the run is not executed here any more, or with the error of the store: the model call must stop. */
  onStop(error: unknown): void;
  /** Called when part of the answer was cut off: the model call must stop. */
  onCut(): void;
}): DeltaRecorder {
  const answer: string[] = [];
  const pending: Piece[] = [];
  let freeBytes = options.answerBytes;
  let recording: Promise<void> | null = null;
  let isStopped = false;
  let isEnding = false;
  let hasOutput = false;
  let isCut = false;

  /** Events that could not be recorded leave a gap: nothing may be recorded after it. */
  function stop(error: unknown): void {
    isStopped = true;
    pending.length = 0;
    options.onStop(error);
  }

  async function drain(): Promise<void> {
    try {
      // Pieces that arrive until then share the first event.
      if (!(await options.ready)) return stop(null);
      while (pending.length > 0 && !isEnding) {
        const outcome = await options.record(eventsOf(pending.splice(0), options.step));
        if (outcome.kind === 'stop') return stop(null);
      }
    } catch (error) {
      stop(error);
    } finally {
      recording = null;
    }
  }

  function take(type: Piece['type'], piece: string): void {
    if (isStopped || isCut) return;
    const bytes = Buffer.byteLength(piece);
    if (bytes > freeBytes) {
      isCut = true;
      options.onCut();
    }
    const text = isCut ? beginningOf(piece, freeBytes) : piece;
    if (text === '') return;
    freeBytes -= isCut ? Buffer.byteLength(text) : bytes;
    hasOutput = true;
    const last = pending.at(-1);
    if (last?.type === type) last.texts.push(text);
    else pending.push({ type, texts: [text] });
    recording ??= drain();
    if (type === 'output_delta') answer.push(text);
  }

  async function finish(): Promise<void> {
    while (recording !== null) await recording;
  }

  return {
    sink: {
      text: (piece) => take('output_delta', storableText(piece)),
      thought: (piece) => take('thought', storableText(piece)),
    },
    finish,
    async takeRest() {
      isEnding = true;
      await finish();
      isEnding = false;
      const characters = pending.flatMap(({ texts }) => texts).reduce((sum, text) => sum + text.length, 0);
      if (characters <= PIECE_CHARACTERS) return eventsOf(pending.splice(0), options.step);
      recording = drain();
      await finish();
      return [];
    },
    text: () => answer.join(''),
    bytes: () => options.answerBytes - freeBytes,
    isCut: () => isCut,
    hasOutput: () => hasOutput,
  };
}

function eventsOf(pieces: readonly Piece[], step: number): NewEvent[] {
  return pieces.flatMap(({ type, texts }) =>
    slices(texts.join('')).map((text): NewEvent => ({ type, actor: 'MODEL', payload: { step, text } })),
  );
}

function slices(text: string): string[] {
  const parts: string[] = [];
  for (let start = 0; start < text.length; ) {
    let end = Math.min(start + PIECE_CHARACTERS, text.length);
    if (/[\uD800-\uDBFF]/.test(text[end - 1] ?? '') && end < text.length) end -= 1;
    parts.push(text.slice(start, end));
    start = end;
  }
  return parts;
}
