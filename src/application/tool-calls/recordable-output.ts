import { inTurns } from '../../clock.ts';
import * as limits from '../../config/limits.ts';
import type { RowWrite } from '../../database/batch-statement.ts';
import type { Json, StoredTextRef } from '../../domain/events.ts';
import { maskJsonInSteps } from '../../domain/secrets/mask.ts';
import { beginningOf } from '../../domain/storable-text.ts';
import type { NewId } from '../../ids.ts';
import { canonicalJson } from '../../journal/canonical-json.ts';
import { storeText } from '../../repositories/stored-texts.ts';

/** An output as its event has it, with the row of the whole if it is stored beside the tape. */
export interface RecordableOutput {
  output: Json;
  storedText: StoredTextRef | null;
  rows: RowWrite[];
}

/** Masks the credentials of an output, in steps, and shortens what its event keeps of a long one. */
export async function recordableOutput(newId: NewId, runId: string, output: Json): Promise<RecordableOutput> {
  const { text, value } = canonicalJson(await inTurns(maskJsonInSteps(output)));
  if (Buffer.byteLength(text) <= limits.INLINE_OUTPUT_BYTES) return { output: value, storedText: null, rows: [] };
  const { storedText, row } = storeText(newId, runId, text);
  return { output: startOf(value, text), storedText, rows: [row] };
}

/** The part of a large output that the event and the model keep. The whole output is stored beside the tape. */
function startOf(value: Json, text: string): string {
  const whole = typeof value === 'string' ? value : text;
  return `${beginningOf(whole, limits.INLINE_OUTPUT_BYTES)}\n[The output continues: ${Buffer.byteLength(whole)} bytes in total.]`;
}
