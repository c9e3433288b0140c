import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
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

function oldest(session: Ancestor): string {
  return session.parent ? oldest(session.parent) : session.id;
}

/** The tree of a session and its branches, from the oldest ancestor. */
export function BranchesScreen() {
  const { sessionId } = useParams({ from: '/sessions/$sessionId/branches' });
  const { data, error } = useQuery(BranchAncestorDocument, { id: sessionId }, { isLive: false });
  const session = data?.session;
  return (
    <Screen
      title="Branches"
      actions={
        <Link to="/sessions/$sessionId" params={{ sessionId }}>
          Back to the session
        </Link>
      }
    >
      {error !== null && <Problem error={error} />}
      {data === null && error === null && <Skeleton />}
      {data !== null && !session && <Empty title="This session is not there" />}
      {session && (
        <ul className="tree" aria-label="Sessions and their branches">
          <Level ids={[oldest(session)]} current={sessionId} depth={0} />
        </ul>
      )}
    </Screen>
  );
}

function Level({ ids, current, depth }: { ids: string[]; current: string; depth: number }) {
  const { data, error } = useQuery(BranchNodesDocument, { ids });
  if (error !== null) return <Problem error={error} />;
  if (data === null) return <Skeleton rows={2} />;
  const sessions = data.nodes.filter((node): node is BranchNodeFragment => node !== null && 'key' in node);
  return sessions.map((session) => <Branch key={session.id} session={session} current={current} depth={depth} />);
}

function Branch({ session, current, depth }: { session: BranchNodeFragment; current: string; depth: number }) {
  const children = session.branches.nodes.map(({ id }) => id);
  const [isOpen, setOpen] = useState(depth < OPEN_DEPTH);
  const { branchPoint, lastRun } = session;
  return (
    <li className="tree-node">
      <div className="tree-line" aria-current={session.id === current ? 'true' : undefined}>
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
          <Level ids={children} current={current} depth={depth + 1} />
        </ul>
      )}
    </li>
  );
}
