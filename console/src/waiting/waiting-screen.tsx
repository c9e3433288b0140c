import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { useKeys } from '../app/keys.ts';
import type { WaitingSearch } from '../app/router.tsx';
import { Screen } from '../app/screen.tsx';
import { useQuery } from '../gateway/use-query.ts';
import { type WaitItemFragment, type WaitKind, WaitsDocument } from '../generated/documents.ts';
import { Risk } from '../parts/state.tsx';
import { Empty, Problem, Skeleton } from '../parts/status.tsx';
import { Words } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { approvalOf } from './wait-content.ts';
import { WaitDetail } from './wait-detail.tsx';

/** How long a card that was settled stays, to say by whom. */
const LEAVING_MILLISECONDS = 1_600;

/** The open waits, and for a moment those that have just been settled. */
function useCards(open: readonly WaitItemFragment[] | undefined): { wait: WaitItemFragment; isLeaving: boolean }[] {
  const [shown, setShown] = useState<readonly WaitItemFragment[]>([]);
  useEffect(() => {
    if (!open) return;
    setShown((before) => {
      const ids = new Set(open.map(({ id }) => id));
      const gone = before.filter(({ id }) => !ids.has(id));
      if (gone.length === 0) return open;
      // They keep their position while they leave.
      const kept = before.filter(({ id }) => !ids.has(id) || open.some((wait) => wait.id === id));
      const added = open.filter(({ id }) => !before.some((wait) => wait.id === id));
      return [...added, ...kept];
    });
    const timer = setTimeout(() => setShown(open), LEAVING_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [open]);
  const ids = new Set((open ?? []).map(({ id }) => id));
  return shown.map((wait) => ({ wait, isLeaving: !ids.has(wait.id) }));
}

export function WaitingScreen() {
  const { waitId } = useParams({ from: '/waiting/{-$waitId}' });
  const search = useSearch({ from: '/waiting/{-$waitId}' });
  const navigate = useNavigate({ from: '/waiting/{-$waitId}' });
  const { data, error } = useQuery(WaitsDocument, {});
  const open = data?.waits.nodes;
  const cards = useCards(open).filter(({ wait }) => isChosen(wait, search));
  const candidates = cards.filter(({ isLeaving }) => !isLeaving).map(({ wait }) => wait.id);
  const selected = waitId ?? candidates[0];
  const select = (id: string | undefined) =>
    void navigate({ to: '/waiting/{-$waitId}', params: { waitId: id }, search, replace: true });
  const move = (by: number) => {
    const index = candidates.indexOf(selected ?? '');
    select(candidates[Math.max(0, Math.min(candidates.length - 1, index + by))]);
  };
  useKeys([
    { keys: 'j', label: 'Next', run: () => move(1) },
    { keys: 'k', label: 'Previous', run: () => move(-1) },
  ]);
  /** The next one is selected after a decision. */
  const selectNext = (decided: string) => {
    const index = candidates.indexOf(decided);
    select(candidates[index + 1] ?? candidates[index - 1]);
  };
  return (
    <Screen title="Waiting for you" isFilled actions={open && <Filters open={open} />}>
      {error !== null && <Problem error={error} />}
      {data === null && error === null && <Skeleton />}
      {data !== null && candidates.length === 0 && waitId === undefined && cards.length === 0 && (
        <NothingWaits isFiltered={Object.values(search).some((value) => value !== undefined)} />
      )}
      {(cards.length > 0 || waitId !== undefined) && (
        <div className="split">
          <List cards={cards} selected={selected} onSelect={select} />
          {selected !== undefined && <WaitDetail key={selected} id={selected} onDecided={selectNext} />}
        </div>
      )}
    </Screen>
  );
}

const toolOf = (wait: WaitItemFragment) => ('tool' in wait ? wait.tool : undefined);

const isChosen = (wait: WaitItemFragment, { kind, tool }: WaitingSearch) =>
  (kind === undefined || wait.kind === kind) && (tool === undefined || toolOf(wait) === tool);

function Filters({ open }: { open: readonly WaitItemFragment[] }) {
  const { kind, tool } = useSearch({ from: '/waiting/{-$waitId}' });
  const navigate = useNavigate({ from: '/waiting/{-$waitId}' });
  const set = (change: WaitingSearch) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true });
  const presentKinds = new Set(open.map((wait) => wait.kind));
  const presentTools = new Set(open.flatMap((wait) => toolOf(wait) ?? []));
  return (
    <>
      <span className="quiet">{open.length} open</span>
      {(presentKinds.size > 1 || kind !== undefined) && (
        <select
          aria-label="Kind"
          value={kind ?? ''}
          onChange={({ target }) => set({ kind: target.value === '' ? undefined : target.value })}
        >
          <option value="">all</option>
          {Object.entries(kindNames).map(([value, { name }]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      )}
      {(presentTools.size > 1 || tool !== undefined) && (
        <select
          aria-label="Tool"
          value={tool ?? ''}
          onChange={({ target }) => set({ tool: target.value === '' ? undefined : target.value })}
        >
          <option value="">any tool</option>
          {[...new Set([...presentTools, ...(tool === undefined ? [] : [tool])])].map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      )}
    </>
  );
}

function NothingWaits({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) {
    return (
      <p className="quiet padded">
        Nothing that waits matches. <Link to="/waiting/{-$waitId}">Show all</Link>
      </p>
    );
  }
  return (
    <Empty title="Nothing waits for you">
      <p>
        Calls that need an approval, questions of models and calls for clients appear here by themselves. To see one,
        send this message in a session: <code>fetch https://example.com</code>
      </p>
    </Empty>
  );
}

interface ListProps {
  cards: readonly { wait: WaitItemFragment; isLeaving: boolean }[];
  selected: string | undefined;
  onSelect(id: string): void;
}

function List({ cards, selected, onSelect }: ListProps) {
  return (
    <ul className="cards" aria-label="Open waits">
      {cards.map(({ wait, isLeaving }) => (
        <li key={wait.id}>
          <button
            type="button"
            className={isLeaving ? 'card leaving' : 'card'}
            aria-current={wait.id === selected ? 'true' : undefined}
            onClick={() => onSelect(wait.id)}
          >
            <CardLine wait={wait} />
            <small>
              {isLeaving ? (
                'settled'
              ) : (
                <>
                  {wait.startedBy} · <Time at={wait.requestedAt} prefix="asked " /> ·{' '}
                  <Time at={wait.expiresAt} prefix="expires " />
                </>
              )}
            </small>
          </button>
        </li>
      ))}
    </ul>
  );
}

const kindNames: Readonly<Record<WaitKind, { name: string; short: string }>> = {
  APPROVAL: { name: 'approvals', short: '' },
  BUDGET: { name: 'budgets', short: 'COST' },
  QUESTION: { name: 'questions', short: 'ASK' },
  CLIENT_TOOL: { name: 'client tools', short: 'TOOL' },
};

function CardLine({ wait }: { wait: WaitItemFragment }) {
  const approval = approvalOf(wait);
  const tool = 'tool' in wait ? wait.tool : null;
  const text = approval?.target ?? wait.summary;
  return (
    <span className="card-line">
      {approval ? <Risk of={approval.risk} /> : <span className="risk tone-active">{kindNames[wait.kind].short}</span>}
      {tool !== null && <b>{tool}</b>}
      <span className={tool === null ? 'target words-only' : 'target'}>
        {/* The summary of a call begins with its tool. */}
        <Words isStrict>{tool !== null && text.startsWith(`${tool}(`) ? text.slice(tool.length) : text}</Words>
      </span>
    </span>
  );
}
