import { Link } from '@tanstack/react-router';
import { useEffect, useLayoutEffect, useRef } from 'react';
import { Words } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { count } from '../text/figures.ts';
import { visibleText } from '../text/visible-text.ts';
import { RunBlock, type SessionRun } from './run-block.tsx';
import type { SessionContent } from './session-screen.tsx';

const NEAR_END_PIXELS = 120;

/** Keeps the newest text in view, unless the reader has scrolled up. */
function useFollowEnd() {
  const scroller = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  useLayoutEffect(() => {
    if (scroller.current) scroller.current.scrollTop = scroller.current.scrollHeight;
  }, []);
  useEffect(() => {
    const element = scroller.current;
    const content = element?.firstElementChild;
    if (!element || !content) return;
    const observer = new ResizeObserver(() => {
      if (isAtEnd.current) element.scrollTop = element.scrollHeight;
    });
    observer.observe(content);
    return () => observer.disconnect();
  }, []);
  const onScroll = () => {
    const element = scroller.current;
    if (element) isAtEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END_PIXELS;
  };
  return { scroller, onScroll };
}

export function Conversation({ session, onEarlier }: { session: SessionContent; onEarlier(): void }) {
  const { scroller, onScroll } = useFollowEnd();
  const { nodes, pageInfo } = session.runs;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable with the keyboard
    <div className="conversation" ref={scroller} onScroll={onScroll} tabIndex={0} role="log" aria-label="Conversation">
      <div className="conversation-content">
        {session.parent && session.branchPoint && !pageInfo.hasNextPage && (
          <p className="divider">
            <span>
              continues{' '}
              <Link to="/sessions/$sessionId" params={{ sessionId: session.parent.id }}>
                <Words>{session.parent.title ?? session.parent.key}</Words>
              </Link>{' '}
              from event {session.branchPoint.seq} of{' '}
              <Link
                to="/runs/$runId"
                params={{ runId: session.branchPoint.run.id }}
                search={{ seq: session.branchPoint.seq }}
              >
                its run
              </Link>
            </span>
          </p>
        )}
        {pageInfo.hasNextPage && (
          <button type="button" className="button more" onClick={onEarlier}>
            Show earlier messages
          </button>
        )}
        {/* The list has the newest first. */}
        {nodes.toReversed().map((run) => (
          <RunWithBranches key={run.id} run={run} session={session} />
        ))}
      </div>
    </div>
  );
}

function RunWithBranches({ run, session }: { run: SessionRun; session: SessionContent }) {
  const branches = session.branches.nodes.filter(({ branchPoint }) => branchPoint?.run.id === run.id);
  const compactions = session.compactions.nodes.filter(({ to }) => to.runId === run.id);
  return (
    <>
      <RunBlock run={run} sessionId={session.id} />
      {branches.map(({ id, title, key, lastActivityAt, branchPoint }) => (
        <p key={id} className="divider">
          <span>
            branch at event {branchPoint?.seq}:{' '}
            <Link to="/sessions/$sessionId" params={{ sessionId: id }}>
              <Words>{title ?? key}</Words>
            </Link>{' '}
            <Time at={lastActivityAt} />
          </span>
        </p>
      ))}
      {compactions.map(({ id, summary, eventCount, tokensBefore, tokensAfter, from }) => (
        <details key={id} className="compaction">
          <summary className="divider">
            <span>
              {count(eventCount)} events before are shown to the model as a summary: {count(tokensBefore)} →{' '}
              {count(tokensAfter)} tokens
            </span>
          </summary>
          <p className="plain">{visibleText(summary)}</p>
          <Link to="/runs/$runId" params={{ runId: from.runId }} search={{ seq: from.seq }}>
            Show the first of these events
          </Link>
        </details>
      ))}
    </>
  );
}
