import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useMemo, useRef } from 'react';
import { Screen } from '../app/screen.tsx';
import { useQuery } from '../gateway/use-query.ts';
import { RecentRunsDocument, RunPageDocument } from '../generated/documents.ts';
import { State } from '../parts/state.tsx';
import { Empty, Problem, Skeleton } from '../parts/status.tsx';
import { Words } from '../parts/text.tsx';
import type { RunContent } from '../run/run-figures.tsx';
import { useTape } from '../run/use-tape.ts';
import { cost, count, shortId } from '../text/figures.ts';
import { duration } from '../text/time.ts';
import { bothEnds, visibleText } from '../text/visible-text.ts';
import { align, itemsOf, type Pair, type RunItem } from './align.ts';

export function CompareScreen() {
  const { a, b } = useSearch({ from: '/compare' });
  return (
    <Screen title="Compare runs">
      <div className="compare-choice">
        <RunChoice name="a" value={a} />
        <RunChoice name="b" value={b} />
      </div>
      {a !== undefined && b !== undefined ? (
        <Comparison key={`${a} ${b}`} a={a} b={b} />
      ) : (
        <Empty title="Choose two runs">
          <p>A retry, a branch or the same message with another model: the page marks the first difference.</p>
        </Empty>
      )}
    </Screen>
  );
}

/** By id, or one of the newest runs. */
function RunChoice({ name, value }: { name: 'a' | 'b'; value: string | undefined }) {
  const navigate = useNavigate({ from: '/compare' });
  const { data } = useQuery(RecentRunsDocument, { first: 50 }, { isLive: false });
  const nodes = data?.runs.nodes ?? [];
  const isListed = value === undefined || nodes.some(({ id }) => id === value);
  return (
    <label>
      {name === 'a' ? 'First run' : 'Second run'}
      <select
        value={value ?? ''}
        onChange={({ target }) =>
          void navigate({ search: (before) => ({ ...before, [name]: target.value || undefined }), replace: true })
        }
      >
        <option value="">choose</option>
        {!isListed && <option value={value}>{shortId(value)}</option>}
        {nodes.map(({ id, input, state }) => (
          <option key={id} value={id}>
            {`${visibleText(input).slice(0, 50)} · ${state.toLowerCase()} · ${shortId(id)}`}
          </option>
        ))}
      </select>
    </label>
  );
}

function Comparison({ a, b }: { a: string; b: string }) {
  const [runA, runB] = [useQuery(RunPageDocument, { id: a }), useQuery(RunPageDocument, { id: b })];
  const [tapeA, tapeB] = [useTape(a), useTape(b)];
  const pairs = useMemo(() => align(itemsOf(tapeA.events), itemsOf(tapeB.events)), [tapeA.events, tapeB.events]);
  const divergence = pairs.findIndex(({ isSame }) => !isSame);
  const error = runA.error ?? runB.error;
  if (error !== null) return <Problem error={error} />;
  if (runA.data === null || runB.data === null) return <Skeleton />;
  const [first, second] = [runA.data.run, runB.data.run];
  if (!first || !second) {
    return (
      <Empty title="One of these runs is not there">
        <p>It was erased, or belongs to somebody else. Choose another one.</p>
      </Empty>
    );
  }
  return (
    <>
      <Figures a={first} b={second} />
      <p className="padded" role="status">
        {pairs.length === 0
          ? ''
          : divergence === -1
            ? 'Both runs did the same.'
            : `First difference: ${pairs[divergence]?.label ?? ''}`}
      </p>
      <table className="compare">
        <colgroup>
          <col className="compare-what" />
          <col />
          <col />
        </colgroup>
        <thead className="visually-hidden">
          <tr>
            <th>What</th>
            <th>First run</th>
            <th>Second run</th>
          </tr>
        </thead>
        <tbody>
          {pairs.map((pair, index) => (
            <PairRow key={pair.key} pair={pair} isFirstDifference={index === divergence} a={a} b={b} />
          ))}
        </tbody>
      </table>
    </>
  );
}

function Figures({ a, b }: { a: RunContent; b: RunContent }) {
  const time = ({ createdAt, endedAt }: RunContent) => (endedAt ? Date.parse(endedAt) - Date.parse(createdAt) : null);
  const rows = [
    ['steps', a.steps, b.steps, count],
    ['input tokens', a.usage.inputTokens, b.usage.inputTokens, count],
    ['output tokens', a.usage.outputTokens, b.usage.outputTokens, count],
    ['cost', a.usage.cost, b.usage.cost, cost],
    ['time', time(a), time(b), duration],
  ] as const;
  return (
    <table className="figures-table compare-figures">
      <thead>
        <tr>
          <th />
          {[a, b].map((run, index) => (
            <th key={String(index)}>
              <Link to="/runs/$runId" params={{ runId: run.id }}>
                {shortId(run.id)}
              </Link>{' '}
              <State of={run.state} /> {run.model}
            </th>
          ))}
          <th>difference</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, left, right, show]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{left === null ? '–' : show(left)}</td>
            <td>{right === null ? '–' : show(right)}</td>
            <td>{left === null || right === null ? '–' : difference(right - left, show)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function difference(value: number, show: (value: number) => string): string {
  if (value === 0) return 'equal';
  return `${value > 0 ? '+' : '−'}${show(Math.abs(value))}`;
}

interface PairRowProps {
  pair: Pair;
  isFirstDifference: boolean;
  a: string;
  b: string;
}

function PairRow({ pair, isFirstDifference, a, b }: PairRowProps) {
  const row = useRef<HTMLTableRowElement>(null);
  useEffect(() => {
    if (isFirstDifference) row.current?.scrollIntoView({ block: 'center' });
  }, [isFirstDifference]);
  const className = isFirstDifference ? 'divergence' : pair.isSame ? 'same' : 'different';
  return (
    <tr ref={row} className={className}>
      <th scope="row">
        {pair.label}
        {isFirstDifference && <small>first difference</small>}
      </th>
      <td>{pair.a ? <Item runId={a} item={pair.a} /> : <span className="quiet">–</span>}</td>
      <td>
        {pair.b ? (
          pair.isSame ? (
            <span className="quiet">the same</span>
          ) : (
            <Item runId={b} item={pair.b} />
          )
        ) : (
          <span className="quiet">–</span>
        )}
      </td>
    </tr>
  );
}

const ITEM_CHARACTERS = 500;

function Item({ runId, item }: { runId: string; item: RunItem }) {
  return (
    <>
      <Words>{bothEnds(item.text, ITEM_CHARACTERS)}</Words>{' '}
      <Link to="/runs/$runId" params={{ runId }} search={{ seq: item.seq }} className="seq-link">
        {item.seq}
      </Link>
    </>
  );
}
