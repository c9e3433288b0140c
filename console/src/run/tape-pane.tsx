import { Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { CloseIcon } from '../parts/icons.tsx';
import { Problem, Skeleton } from '../parts/status.tsx';
import { grow } from './growing.ts';
import { createRows } from './tape-rows.ts';
import { TapeTable } from './tape-table.tsx';
import { useTape } from './use-tape.ts';

/** The tape of a run beside its session. */
export function TapePane({ runId, onClose }: { runId: string; onClose(): void }) {
  const { events, error } = useTape(runId);
  const [rowsOf] = useState(() => grow(() => createRows(null)));
  const rows = useMemo(() => rowsOf(events), [rowsOf, events]);
  const [chosen, setChosen] = useState<number | null>(null);
  const first = events[0];
  return (
    <aside className="tape-pane" aria-label="Tape">
      <header>
        <Link to="/runs/$runId" params={{ runId }} search={chosen === null ? {} : { seq: chosen }}>
          Open the tape
        </Link>
        <button type="button" className="icon-button" onClick={onClose} aria-label="Close the tape">
          <CloseIcon />
        </button>
      </header>
      {error !== null && <Problem error={error} />}
      {first ? (
        <TapeTable rows={rows} startedAt={first.recordedAt} seq={chosen ?? events.length} onSelect={setChosen} />
      ) : (
        error === null && <Skeleton />
      )}
    </aside>
  );
}
