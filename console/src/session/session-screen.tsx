import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { useKeys } from '../app/keys.ts';
import { Screen } from '../app/screen.tsx';
import { accept } from '../gateway/accept.ts';
import { client } from '../gateway/connection.ts';
import { useAction } from '../gateway/use-action.ts';
import { useQuery } from '../gateway/use-query.ts';
import { useCan } from '../gateway/viewer.ts';
import {
  ArchiveDocument,
  CompactDocument,
  SessionPageDocument,
  type SessionPageQuery,
  UnarchiveDocument,
} from '../generated/documents.ts';
import { Menu } from '../parts/menu.tsx';
import { Empty, Problem, Skeleton } from '../parts/status.tsx';
import { Words } from '../parts/text.tsx';
import { TapePane } from '../run/tape-pane.tsx';
import { cost, tokens } from '../text/figures.ts';
import { visibleText } from '../text/visible-text.ts';
import { Composer } from './composer.tsx';
import { Conversation } from './conversation.tsx';

const SessionDetails = lazy(() =>
  import('./session-details.tsx').then((loaded) => ({ default: loaded.SessionDetails })),
);

export type SessionContent = NonNullable<SessionPageQuery['session']>;

const RUNS_PER_PAGE = 20;

export function SessionScreen() {
  const { sessionId } = useParams({ from: '/sessions/$sessionId' });
  const { tape } = useSearch({ from: '/sessions/$sessionId' });
  const navigate = useNavigate({ from: '/sessions/$sessionId' });
  const [runs, setRuns] = useState(RUNS_PER_PAGE);
  const { data, error } = useQuery(SessionPageDocument, { id: sessionId, runs });
  const canWrite = useCan('write');
  const session = data?.session ?? null;
  const shownRun = tape === undefined ? undefined : tape === 'last' ? session?.runs.nodes[0]?.id : tape;
  const toggleTape = () => void navigate({ search: { tape: tape === undefined ? 'last' : undefined }, replace: true });
  useKeys([
    { keys: 't', label: 'Show or hide the tape', run: toggleTape },
    { keys: 'r', label: 'Write a message', run: () => document.getElementById('message')?.focus() },
  ]);
  if (session === null) {
    return (
      <Screen title="Session">
        {error !== null && <Problem error={error} />}
        {data === null && error === null ? <Skeleton /> : data !== null && <NoSession />}
      </Screen>
    );
  }
  return (
    <Screen
      title={visibleText(session.title ?? session.key)}
      isFilled
      actions={<SessionActions session={session} isTapeOpen={tape !== undefined} onToggleTape={toggleTape} />}
    >
      {error !== null && <Problem error={error} />}
      <div className={shownRun === undefined ? 'session' : 'session with-tape'}>
        <div className="conversation-column">
          <Conversation session={session} onEarlier={() => setRuns(runs + RUNS_PER_PAGE)} />
          {session.archivedAt !== null && <Archived session={session} canWrite={canWrite} />}
          {canWrite && session.archivedAt === null && <Composer key={session.id} session={session} />}
        </div>
        {shownRun !== undefined && <TapePane key={shownRun} runId={shownRun} onClose={toggleTape} />}
      </div>
    </Screen>
  );
}

/** In place of the composer: an archived session takes no messages. */
function Archived({ session, canWrite }: { session: SessionContent; canWrite: boolean }) {
  const { isBusy, error, run } = useAction();
  const unarchive = () =>
    run(async () => {
      accept((await client.query(UnarchiveDocument, { input: { sessionId: session.id } })).unarchiveSession);
    });
  return (
    <div className="composer archived">
      <span className="quiet">This session is archived and takes no messages.</span>
      {canWrite && (
        <button type="button" className="button" disabled={isBusy} onClick={unarchive}>
          Unarchive
        </button>
      )}
      {error !== null && (
        <p role="alert" className="problem">
          {error}
        </p>
      )}
    </div>
  );
}

function NoSession() {
  return (
    <Empty title="This session is not there">
      <p>
        It was erased, or belongs to somebody else. <Link to="/sessions">Show your sessions</Link>
      </p>
    </Empty>
  );
}

interface ActionsProps {
  session: SessionContent;
  isTapeOpen: boolean;
  onToggleTape(): void;
}

function SessionActions({ session, isTapeOpen, onToggleTape }: ActionsProps) {
  const { error, run } = useAction();
  const [hasDetails, setDetails] = useState(false);
  const canWrite = useCan('write');
  const navigate = useNavigate();
  useKeys([{ keys: 'i', label: 'Details of the session', run: () => setDetails(true) }]);
  const compact = () =>
    run(async () => {
      accept((await client.query(CompactDocument, { input: { sessionId: session.id } })).compactSession);
    });
  const archive = () =>
    run(async () => {
      accept((await client.query(ArchiveDocument, { input: { sessionId: session.id } })).archiveSession);
    });
  const branches = () => void navigate({ to: '/sessions/$sessionId/branches', params: { sessionId: session.id } });
  return (
    <>
      {error !== null && (
        <span role="alert" className="tone-bad">
          {error}
        </span>
      )}
      {session.parent && (
        <Link to="/sessions/$sessionId" params={{ sessionId: session.parent.id }} className="quiet branch-of">
          branch of <Words>{session.parent.title ?? session.parent.key}</Words>
        </Link>
      )}
      <span className="quiet figures" title="Of all runs of this session">
        {tokens(session.usage)}
        {session.usage.cost !== null && <> · {cost(session.usage.cost)}</>}
      </span>
      <button type="button" className="button" aria-pressed={isTapeOpen} onClick={onToggleTape}>
        Tape
      </button>
      <Menu
        label="More"
        items={[
          {
            label: 'Details',
            hint: 'Title, agent, metadata, and what runs without asking',
            onSelect: () => setDetails(true),
          },
          { label: 'Branches', hint: 'The tree of this session', onSelect: branches },
          {
            label: 'Compact the history',
            hint: 'Replaces older messages by a summary',
            isDisabled: !canWrite,
            onSelect: compact,
          },
          {
            label: 'Archive',
            hint: 'Hides the session and frees its key',
            isDisabled: !canWrite || session.archivedAt !== null,
            onSelect: archive,
          },
        ]}
      >
        More
      </Menu>
      {hasDetails && (
        <Suspense>
          <SessionDetails sessionId={session.id} onClose={() => setDetails(false)} />
        </Suspense>
      )}
    </>
  );
}
