import { createHash } from 'node:crypto';
import type { RowWrite } from '../../database/batch-statement.ts';
import type { StoredTextRef } from '../../domain/events.ts';
import { insertStoredText } from '../../repositories/stored-texts.ts';
import type { RunExecution } from '../run-execution.ts';

/** Stores a text beside the tape, in the append of the event that refers to it. */
export function storeText(
  { dependencies, lease }: RunExecution,
  content: string,
): { storedText: StoredTextRef; row: RowWrite } {
  const id = dependencies.newId('storedText');
  const sha256 = createHash('sha256').update(content).digest('hex');
  return {
    storedText: { id, bytes: Buffer.byteLength(content), sha256 },
    row: insertStoredText({ id, runId: lease.runId, content }),
  };
}
