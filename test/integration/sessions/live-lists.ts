import type { ResultOf } from '@graphql-typed-document-node/core';
import type { TestClient } from '../../client.ts';
import type { FollowActivityDocument } from '../../generated/graphql.ts';

type Item = ResultOf<typeof FollowActivityDocument>['activity']['items'][number];

interface Row {
  sessionId: string;
  /** What the list shows of it. */
  shown: string;
}

/** The lists that a client shows: rows by id. */
export interface Lists {
  sessions: Map<string, Row>;
  runs: Map<string, Row>;
  openWaits: Map<string, Row>;
}

interface SessionNode {
  id: string;
  key: string;
  title?: string | null;
  archivedAt?: string | null;
}

const rowOfSession = ({ id, key, title, archivedAt }: SessionNode): Row => ({
  sessionId: id,
  shown: JSON.stringify([key, title ?? null, archivedAt ?? null]),
});

interface Page<Node> {
  data?: { list: { nodes: Node[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } } };
  errors?: unknown;
}

async function allOf<Node>(client: TestClient, field: string, selection: string): Promise<Node[]> {
  const query = `query ($after: String) { list: ${field} { nodes ${selection} pageInfo { hasNextPage endCursor } } }`;
  const nodes: Node[] = [];
  for (let after: string | null = null; ; ) {
    const { data, errors } = (await client.post({ query, variables: { after } })).body as Page<Node>;
    if (!data || errors) throw new Error(JSON.stringify(errors));
    nodes.push(...data.list.nodes);
    if (!data.list.pageInfo.hasNextPage) return nodes;
    after = data.list.pageInfo.endCursor;
  }
}

/** Reads all lists by queries. Rejects if a session is purged meanwhile. */
export async function readLists(client: TestClient): Promise<Lists> {
  const sessions = await allOf<SessionNode>(
    client,
    'sessions(first: 100, after: $after, filter: { includeArchived: true })',
    '{ id key title archivedAt }',
  );
  const runs = await allOf<{ id: string; state: string; session: { id: string } }>(
    client,
    'runs(first: 100, after: $after)',
    '{ id state session { id } }',
  );
  const waits = await allOf<{ id: string; run: { session: { id: string } } }>(
    client,
    'approvals(first: 100, after: $after, filter: { statuses: [PENDING] })',
    '{ id run { session { id } } }',
  );
  return {
    sessions: new Map(sessions.map((session) => [session.id, rowOfSession(session)])),
    runs: new Map(runs.map(({ id, state, session }) => [id, { sessionId: session.id, shown: state }])),
    openWaits: new Map(waits.map(({ id, run }) => [id, { sessionId: run.session.id, shown: 'OPEN' }])),
  };
}

function set(list: Map<string, Row>, id: string | null | undefined, row: Row | null): void {
  if (id == null) return;
  if (row === null) list.delete(id);
  else list.set(id, row);
}

/** Changes lists by one item of the feed of changes, which is all that a client needs to keep them up to date. */
export function applyItem({ sessions, runs, openWaits }: Lists, item: Item): void {
  const { sessionId, runId, waitId, session, run, wait } = item;
  if (sessionId == null) return;
  set(sessions, sessionId, session ? rowOfSession(session) : null);
  set(runs, runId, run ? { sessionId, shown: run.state } : null);
  set(openWaits, waitId, wait?.state === 'OPEN' ? { sessionId, shown: 'OPEN' } : null);
  if (session) return;
  for (const list of [runs, openWaits]) {
    for (const [id, row] of list) if (row.sessionId === sessionId) list.delete(id);
  }
}

/** Where lists differ from those that queries return. */
export function differencesOf(live: Lists, fresh: Lists): string[] {
  return (['sessions', 'runs', 'openWaits'] as const).flatMap((name) => {
    const ids = new Set([...live[name].keys(), ...fresh[name].keys()]);
    return [...ids].flatMap((id) => {
      const [is, should] = [live[name].get(id)?.shown, fresh[name].get(id)?.shown];
      return is === should ? [] : [`${name} ${id}: ${is ?? 'missing'} instead of ${should ?? 'missing'}`];
    });
  });
}
