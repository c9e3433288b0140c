import type { TapeEvent } from '@runtape/client';
import { useEffect, useState } from 'react';
import { client } from '../gateway/connection.ts';
import { type TapeEventType, TapeOutlineDocument, type TapeOutlineQuery } from '../generated/documents.ts';

/** A shorter tape is there at once. */
const LONG_TAPE = 1_000;
/** The outline of a longer tape ends here; the rest comes with the tape itself. */
const MOST_PAGES = 40;

/** All types but those of which a tape has thousands. */
const types: TapeEventType[] = [
  'INPUT',
  'STATUS',
  'CONTEXT',
  'OUTPUT',
  'TOOL_CALL',
  'TOOL_DECISION',
  'APPROVAL_REQUEST',
  'APPROVAL_DECISION',
  'WAIT_REQUEST',
  'WAIT_SETTLED',
  'TOOL_START',
  'TOOL_RESULT',
  'COMPACTION',
  'RESUMPTION',
];

/** The events of a long tape without its deltas, which show the whole run while the deltas are on their way. */
export function useOutline(runId: string, head: number): readonly TapeEvent[] {
  const [outline, setOutline] = useState<readonly TapeEvent[]>([]);
  const isLong = head > LONG_TAPE;
  useEffect(() => {
    if (!isLong) return;
    let isCurrent = true;
    const read = async () => {
      const events: TapeEvent[] = [];
      let after: string | null = null;
      for (let page = 0; page < MOST_PAGES && isCurrent; page++) {
        const { run }: TapeOutlineQuery = await client.query(TapeOutlineDocument, { id: runId, after, types });
        if (!run) return;
        // The fragment selects what the client selects.
        events.push(...(run.tape.nodes as unknown as TapeEvent[]));
        if (isCurrent) setOutline([...events]);
        if (!run.tape.pageInfo.hasNextPage) return;
        after = run.tape.pageInfo.endCursor ?? null;
      }
    };
    // Without it the events appear as they arrive.
    read().catch(() => undefined);
    return () => {
      isCurrent = false;
    };
  }, [runId, isLong]);
  return outline;
}
