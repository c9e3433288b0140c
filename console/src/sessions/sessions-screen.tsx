import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { useKeys } from '../app/keys.ts';
import type { SessionSearch } from '../app/router.tsx';
import { Screen } from '../app/screen.tsx';
import { useQuery } from '../gateway/use-query.ts';
import { useCan } from '../gateway/viewer.ts';
import { AgentsDocument, type RunState, SessionsDocument, type SessionsQuery } from '../generated/documents.ts';
import { State } from '../parts/state.tsx';
import { Problem, Skeleton } from '../parts/status.tsx';
import { Words } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { FirstMessage } from './first-message.tsx';
import { NewSession } from './new-session.tsx';

type Edge = SessionsQuery['sessions']['edges'][number];
const states = ['IN_PROGRESS', 'AWAITING_APPROVAL', 'PENDING', 'DONE', 'FAILED', 'CANCELLED'];
const SEARCH_MILLISECONDS = 200;

export function SessionsScreen() {
  const search = useSearch({ from: '/sessions' });
  const navigate = useNavigate({ from: '/sessions' });
  const { edges, error, isLoading, more } = useSessions(search);
  const [selected, setSelected] = useState(0);
  const canWrite = useCan('write');
  const [isNew, setNew] = useState(false);
  const isFiltered = Object.values(search).some((value) => value !== undefined);
  const current = edges[Math.min(selected, edges.length - 1)]?.node;
  useKeys([
    { keys: 'j', label: 'Next session', run: () => setSelected(Math.min(selected + 1, edges.length - 1)) },
    { keys: 'k', label: 'Previous session', run: () => setSelected(Math.max(selected - 1, 0)) },
    {
      keys: 'Enter',
      label: 'Open the session',
      run: () => current && void navigate({ to: '/sessions/$sessionId', params: { sessionId: current.id } }),
    },
    { keys: 'n', label: 'New session', run: () => canWrite && setNew(true) },
    { keys: '/', label: 'Search', run: () => document.getElementById('session-search')?.focus() },
  ]);
  return (
    <Screen
      title="Sessions"
      actions={
        canWrite && (
          <button type="button" className="button" onClick={() => setNew(true)}>
            New session
          </button>
        )
      }
    >
      {(edges.length > 0 || isFiltered) && <Filters />}
      {error !== null && <Problem error={error} />}
      {isLoading && edges.length === 0 && <Skeleton />}
      {!isLoading && error === null && edges.length === 0 && (isFiltered ? <NothingFound /> : <FirstMessage />)}
      {edges.length > 0 && <SessionTable edges={edges} selected={selected} />}
      {more !== null && (
        <button type="button" className="button more" onClick={more}>
          Show more
        </button>
      )}
      <NewSession isOpen={isNew} onClose={() => setNew(false)} />
    </Screen>
  );
}

const PAGE = 50;

/** `customer=42 plan=free` as an object. */
function metadataOf(text: string): Record<string, string> {
  const pairs = text.split(/\s+/).filter((pair) => pair.includes('='));
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}

/** The first page is live. Further ones are added to it. */
function useSessions({ q, state, agent, archived, metadata }: SessionSearch) {
  const filter = {
    search: q ?? null,
    agentId: agent ?? null,
    includeArchived: archived ?? false,
    states: state === undefined ? null : [state as RunState],
    metadata: metadata === undefined ? null : metadataOf(metadata),
  };
  const variables = { filter, orderBy: q === undefined ? ('LAST_ACTIVITY' as const) : null };
  const [after, setAfter] = useState<string | null>(null);
  const [older, setOlder] = useState<readonly Edge[]>([]);
  const first = useQuery(SessionsDocument, variables);
  const next = useQuery(SessionsDocument, { ...variables, after }, { isEnabled: after !== null, isLive: false });
  const key = JSON.stringify(variables);
  // biome-ignore lint/correctness/useExhaustiveDependencies: other filters begin a new list
  useEffect(() => {
    setAfter(null);
    setOlder([]);
  }, [key]);
  const pages = [
    ...(first.data?.sessions.edges ?? []),
    ...older,
    ...(after === null ? [] : (next.data?.sessions.edges ?? [])),
  ];
  const unique = [...new Map(pages.map((edge) => [edge.node.id, edge])).values()];
  const last = (after === null ? first.data : next.data)?.sessions.pageInfo;
  return {
    edges: unique,
    error: first.error,
    isLoading: first.isLoading,
    more:
      last?.hasNextPage === true && unique.length >= PAGE
        ? () => {
            setOlder(pages.slice(first.data?.sessions.edges.length ?? 0));
            setAfter(last.endCursor ?? null);
          }
        : null,
  };
}

function Filters() {
  const { q, state, agent, archived, metadata } = useSearch({ from: '/sessions' });
  const navigate = useNavigate({ from: '/sessions' });
  const agents = useQuery(AgentsDocument, {}, { isLive: false }).data?.agents.nodes ?? [];
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const set = (change: SessionSearch) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true });
  return (
    <search className="filters">
      <input
        id="session-search"
        type="search"
        aria-label="Search in titles and messages"
        placeholder="Search in titles and messages"
        defaultValue={q ?? ''}
        onChange={({ target }) => {
          clearTimeout(timer.current);
          timer.current = setTimeout(
            () => set({ q: target.value === '' ? undefined : target.value }),
            SEARCH_MILLISECONDS,
          );
        }}
      />
      <select
        aria-label="State"
        value={state ?? ''}
        onChange={({ target }) => set({ state: target.value === '' ? undefined : target.value })}
      >
        <option value="">any state</option>
        {states.map((name) => (
          <option key={name} value={name}>
            {name.toLowerCase().replace('_', ' ')}
          </option>
        ))}
      </select>
      {agents.length > 0 && (
        <select
          aria-label="Agent"
          value={agent ?? ''}
          onChange={({ target }) => set({ agent: target.value === '' ? undefined : target.value })}
        >
          <option value="">any agent</option>
          {agents.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      )}
      <input
        className="metadata"
        aria-label="Metadata, such as customer=42"
        placeholder="metadata: customer=42"
        defaultValue={metadata ?? ''}
        onChange={({ target }) => {
          clearTimeout(timer.current);
          timer.current = setTimeout(
            () => set({ metadata: target.value === '' ? undefined : target.value }),
            SEARCH_MILLISECONDS,
          );
        }}
      />
      <label className="check">
        <input
          type="checkbox"
          checked={archived === true}
          onChange={({ target }) => set({ archived: target.checked ? true : undefined })}
        />{' '}
        archived
      </label>
    </search>
  );
}

function NothingFound() {
  return (
    <p className="quiet padded">
      No session matches. <Link to="/sessions">Show all</Link>
    </p>
  );
}

function SessionTable({ edges, selected }: { edges: readonly Edge[]; selected: number }) {
  return (
    <ul className="rows" aria-label="Sessions">
      {edges.map(({ node, snippet }, index) => (
        <li key={node.id}>
          <Link
            to="/sessions/$sessionId"
            params={{ sessionId: node.id }}
            className="row"
            aria-current={index === selected ? 'true' : undefined}
          >
            <span className="row-state">
              {node.lastRun ? <State of={node.lastRun.state} /> : <span className="quiet">no message</span>}
            </span>
            <span className="row-title">
              <Words>{node.title ?? node.key}</Words>
              {snippet && (
                <small>
                  <Snippet text={snippet} />
                </small>
              )}
            </span>
            <span className="row-note">
              {node.archivedAt ? 'archived' : node.parent ? 'branch' : (node.agent?.name ?? '')}
            </span>
            <span className="row-time">
              <Time at={node.lastActivityAt} />
            </span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

/** The gateway marks what was found with these characters. */
function Snippet({ text }: { text: string }) {
  const parts = text.split(/(«[^»]*»)/);
  return (
    <>
      {parts.map((part, index) =>
        /^«.*»$/s.test(part) ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one text
          <mark key={index}>
            <Words>{part.slice(1, -1)}</Words>
          </mark>
        ) : (
          // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one text
          <Words key={index}>{part}</Words>
        ),
      )}
    </>
  );
}
