import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useKeys } from '../app/keys.ts';
import { Screen } from '../app/screen.tsx';
import { useQuery } from '../gateway/use-query.ts';
import { RunPageDocument } from '../generated/documents.ts';
import { Empty, Problem, Skeleton } from '../parts/status.tsx';
import { shortId } from '../text/figures.ts';
import { isDecision, isError } from './describe.ts';
import { grow } from './growing.ts';
import { RunActions } from './run-actions.tsx';
import { RunFigures } from './run-figures.tsx';
import { RunState } from './run-state.tsx';
import { Scrubber } from './scrubber.tsx';
import { mergeOutline } from './sparse-tape.ts';
import { createRows, groups, rowIndexOf } from './tape-rows.ts';
import { TapeTable } from './tape-table.tsx';
import { createTimeline } from './timeline.ts';
import { useOutline } from './use-outline.ts';
import { useTape } from './use-tape.ts';

export function RunScreen() {
  const { runId } = useParams({ from: '/runs/$runId' });
  return <RunContent key={runId} runId={runId} />;
}

function RunContent({ runId }: { runId: string }) {
  const { seq: chosen, types } = useSearch({ from: '/runs/$runId' });
  const navigate = useNavigate({ from: '/runs/$runId' });
  const { data, error } = useQuery(RunPageDocument, { id: runId });
  const { events: arrived, isComplete, error: tapeError } = useTape(runId);
  const run = data?.run;
  const outline = useOutline(runId, run?.head ?? 0);
  const events = useMemo(() => mergeOutline(arrived, outline), [arrived, outline]);
  const shownTypes = useMemo(() => typesOf(types), [types]);
  const rowsOf = useMemo(() => grow(() => createRows(shownTypes)), [shownTypes]);
  const rows = useMemo(() => rowsOf(events), [rowsOf, events]);
  const [timelineOf] = useState(() => grow(createTimeline));
  const timeline = useMemo(() => timelineOf(events), [timelineOf, events]);
  const head = Math.max(events.at(-1)?.seq ?? 0, run?.head ?? 0);
  // Without a choice the page shows the newest event, and follows it.
  const seq = Math.min(chosen ?? head, Math.max(head, 1));
  const select = (next: number) =>
    void navigate({ search: (before) => ({ ...before, seq: Math.max(1, Math.min(head, next)) }), replace: true });
  const moveRow = (by: number) => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, rowIndexOf(rows, seq) + by))];
    if (row) select(row.to);
  };
  const selectNext = (isWanted: (event: (typeof events)[number]) => boolean) => {
    const found = events.find((event) => event.seq > seq && isWanted(event)) ?? events.find(isWanted);
    if (found) select(found.seq);
  };
  const selectStep = (by: number) => {
    const contexts = events.filter(({ type }) => type === 'CONTEXT').map((event) => event.seq);
    const found = by > 0 ? contexts.find((at) => at > seq) : contexts.findLast((at) => at < seq);
    if (found) select(found);
  };
  useKeys([
    { keys: 'ArrowLeft', label: 'One event back', run: () => select(seq - 1) },
    { keys: 'ArrowRight', label: 'One event on', run: () => select(seq + 1) },
    { keys: 'shift+ArrowLeft', label: 'One step back', run: () => selectStep(-1) },
    { keys: 'shift+ArrowRight', label: 'One step on', run: () => selectStep(1) },
    { keys: 'j', label: 'Next row', run: () => moveRow(1) },
    { keys: 'k', label: 'Previous row', run: () => moveRow(-1) },
    { keys: 'n', label: 'Next error', run: () => selectNext(isError) },
    { keys: 'd', label: 'Next decision', run: () => selectNext(isDecision) },
  ]);
  if (data !== null && !run) {
    return (
      <Screen title="Run">
        <Empty title="This run is not there">
          <p>
            It was erased, or belongs to somebody else. <Link to="/sessions">Show your sessions</Link>
          </p>
        </Empty>
      </Screen>
    );
  }
  const first = events[0];
  return (
    <Screen title={`Run ${shortId(runId)}`} isFilled actions={run && <RunActions run={run} events={events} />}>
      {error !== null && <Problem error={error} />}
      {tapeError !== null && error === null && <Problem error={tapeError} />}
      {run ? <RunFigures run={run} /> : error === null && <Skeleton rows={1} />}
      {first && (
        <>
          <div className="scrubber-bar">
            <Scrubber timeline={timeline} seq={seq} head={head} onChange={select} />
            <span className="figures">
              seq {seq} of {head}
              {!isComplete && arrived.length < head && ` · ${Math.floor((arrived.length / head) * 100)} % here`}
            </span>
            <button
              type="button"
              className="button"
              onClick={() => selectNext(isError)}
              disabled={!events.some(isError)}
            >
              Next error
            </button>
            <TypeFilter types={types} />
          </div>
          <div className="split run-split">
            <TapeTable rows={rows} startedAt={first.recordedAt} seq={seq} onSelect={select} />
            <RunState runId={runId} events={events} seq={seq} />
          </div>
        </>
      )}
      {!first && error === null && tapeError === null && <Skeleton />}
    </Screen>
  );
}

function typesOf(types: string | undefined): ReadonlySet<string> | null {
  if (types === undefined || !Object.hasOwn(groups, types)) return null;
  return new Set<string>(groups[types as keyof typeof groups]);
}

function TypeFilter({ types }: { types: string | undefined }) {
  const navigate = useNavigate({ from: '/runs/$runId' });
  return (
    <select
      aria-label="Types of events"
      value={types ?? ''}
      onChange={({ target }) =>
        void navigate({
          search: (before) => ({ ...before, types: target.value === '' ? undefined : target.value }),
          replace: true,
        })
      }
    >
      <option value="">all types</option>
      {Object.keys(groups).map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}
