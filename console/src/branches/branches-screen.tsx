import { Link, useParams } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { Screen } from '../app/screen.tsx';
import { useQuery } from '../gateway/use-query.ts';
import { BranchAncestorDocument, type BranchNodeFragment, BranchNodesDocument } from '../generated/documents.ts';
import { State } from '../parts/state.tsx';
import { Empty, Problem, Skeleton } from '../parts/status.tsx';
import { Words } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { cost, tokens } from '../text/figures.ts';
import { bothEnds } from '../text/visible-text.ts';

const TITLE_CHARACTERS = 80;
const OPEN_DEPTH = 4;

interface Ancestor {
  id: string;
  parent?: Ancestor | null;
}

/** The ids of a session and of its ancestors, the oldest first. */
function chainOf({ id, parent }: Ancestor): string[] {
  return parent ? [...chainOf(parent), id] : [id];
}

/** The ids from the oldest ancestor to the session. One query knows four generations. */
function useAncestry(sessionId: string) {
  const [known, setKnown] = useState<readonly string[]>([sessionId]);
  const { data, error } = useQuery(BranchAncestorDocument, { id: known[0] ?? sessionId }, { isLive: false });
  const session = data?.session;
  const chain = session ? chainOf(session) : [];
  useEffect(() => {
    if (session?.parent) setKnown((before) => [...chainOf(session).slice(0, -1), ...before]);
  }, [session]);
  return { ids: chain.length === 1 ? known : null, isMissing: data !== null && !session, error };
}

/** The tree of a session and its branches, from the oldest ancestor. */
export function BranchesScreen() {
  const { sessionId } = useParams({ from: '/sessions/$sessionId/branches' });
  return (
    <Screen
      title="Branches"
      actions={
        <Link to="/sessions/$sessionId" params={{ sessionId }}>
          Back to the session
        </Link>
      }
    >
      <Tree key={sessionId} sessionId={sessionId} />
    </Screen>
  );
}

function Tree({ sessionId }: { sessionId: string }) {
  const { ids, isMissing, error } = useAncestry(sessionId);
  if (error !== null) return <Problem error={error} />;
  if (isMissing) {
    return (
      <Empty title="This session is not there">
        <p>
          It was erased, or belongs to somebody else. <Link to="/sessions">Show your sessions</Link>
        </p>
      </Empty>
    );
  }
  if (ids === null) return <Skeleton />;
  return (
    <ul className="tree" aria-label="Sessions and their branches">
      <Level ids={ids.slice(0, 1)} path={ids} depth={0} />
    </ul>
  );
}

interface LevelProps {
  ids: readonly string[];
  /** The session and its ancestors, which are open. */
  path: readonly string[];
  depth: number;
}

function Level({ ids, path, depth }: LevelProps) {
  const { data, error } = useQuery(BranchNodesDocument, { ids: [...ids] });
  if (error !== null) return <Problem error={error} />;
  if (data === null) return <Skeleton rows={2} />;
  const sessions = data.nodes.filter((node): node is BranchNodeFragment => node !== null && 'key' in node);
  return sessions.map((session) => <Branch key={session.id} session={session} path={path} depth={depth} />);
}

interface BranchProps {
  session: BranchNodeFragment;
  path: readonly string[];
  depth: number;
}

function Branch({ session, path, depth }: BranchProps) {
  const children = session.branches.nodes.map(({ id }) => id);
  const [isOpen, setOpen] = useState(depth < OPEN_DEPTH || path.includes(session.id));
  const { branchPoint, lastRun } = session;
  return (
    <li className="tree-node">
      <div className="tree-line" aria-current={session.id === path.at(-1) ? 'true' : undefined}>
        {children.length > 0 ? (
          <button
            type="button"
            className="icon-button"
            aria-expanded={isOpen}
            aria-label={isOpen ? 'Hide branches' : 'Show branches'}
            onClick={() => setOpen(!isOpen)}
          >
            {isOpen ? '▾' : '▸'}
          </button>
        ) : (
          <span className="tree-leaf" aria-hidden="true" />
        )}
        <div className="tree-text">
          <Link to="/sessions/$sessionId" params={{ sessionId: session.id }}>
            <Words>{session.title ?? session.key}</Words>
          </Link>
          <small>
            {branchPoint && (
              <>
                from{' '}
                <Link to="/runs/$runId" params={{ runId: branchPoint.run.id }} search={{ seq: branchPoint.seq }}>
                  event {branchPoint.seq}
                </Link>{' '}
                of “<Words>{bothEnds(branchPoint.run.input, TITLE_CHARACTERS)}</Words>” ·{' '}
              </>
            )}
            {lastRun ? (
              <>
                then “<Words>{bothEnds(lastRun.input, TITLE_CHARACTERS)}</Words>” <State of={lastRun.state} />
              </>
            ) : (
              'no message of its own yet'
            )}{' '}
            · {tokens(session.usage)}
            {session.usage.cost !== null && <> · {cost(session.usage.cost)}</>} ·{' '}
            <Time at={session.lastActivityAt} prefix="active " />
          </small>
        </div>
      </div>
      {isOpen && children.length > 0 && (
        <ul className="tree">
          <Level ids={children} path={path} depth={depth + 1} />
        </ul>
      )}
    </li>
  );
}
