import type { MessageItem, ToolCallItem } from '@runtape/client';
import { Link, useNavigate } from '@tanstack/react-router';
import { memo, useDeferredValue, useMemo, useState } from 'react';
import { accept } from '../gateway/accept.ts';
import { client } from '../gateway/connection.ts';
import { useAction } from '../gateway/use-action.ts';
import { useReadable } from '../gateway/use-readable.ts';
import { useCan, useViewer } from '../gateway/viewer.ts';
import { BranchDocument, RetryDocument } from '../generated/documents.ts';
import { Markdown } from '../parts/markdown.tsx';
import { State } from '../parts/state.tsx';
import { cost, count, tokens } from '../text/figures.ts';
import { duration } from '../text/time.ts';
import { visibleText } from '../text/visible-text.ts';
import { type AttachmentItem, Attachments } from './attachments.tsx';
import type { SessionContent } from './session-screen.tsx';
import { ToolCalls } from './tool-calls.tsx';

export type SessionRun = SessionContent['runs']['nodes'][number];

const ended = /^(DONE|FAILED|CANCELLED)$/;

/** One message of the user and everything that followed from it. It follows the run while it is on the screen. */
export const RunBlock = memo(function RunBlock({ run, sessionId }: { run: SessionRun; sessionId: string }) {
  const handle = useMemo(() => client.run(run.id), [run.id]);
  const snapshot = useReadable(handle.state);
  const isKnown = snapshot.head > 0;
  const state = isKnown ? snapshot.state : run.state;
  const { principal } = useViewer();
  return (
    <article className="run-block" aria-label="Message and answer">
      {!isKnown && <Message speaker={principal} text={run.input} by="USER" isComplete attachments={run.attachments} />}
      <Turns messages={snapshot.messages} principal={principal} attachments={run.attachments} />
      {state === 'IN_PROGRESS' && snapshot.messages.at(-1)?.role === 'USER' && (
        <p className="thinking" role="status">
          <span className="speaker">model</span> <span className="quiet">thinking …</span>
        </p>
      )}
      <RunFooter run={run} state={state} sessionId={sessionId} error={snapshot.error ?? run.error ?? null} />
    </article>
  );
});

const SHOWN_TURNS = 40;
const MORE_TURNS = 200;

interface TurnsProps {
  messages: readonly MessageItem[];
  principal: string;
  /** Of the first message. */
  attachments: readonly AttachmentItem[];
}

/** The first message and the newest ones. A long run has thousands: the others are shown when they are asked for. */
function Turns({ messages, principal, attachments }: TurnsProps) {
  const [shown, setShown] = useState(SHOWN_TURNS);
  const [first, ...others] = messages;
  const hidden = Math.max(0, others.length - shown);
  const turn = (message: MessageItem, its?: readonly AttachmentItem[]) => (
    <Turn
      key={`${message.role}-${message.step ?? message.cursor}`}
      message={message}
      principal={principal}
      attachments={its}
    />
  );
  return (
    <>
      {first && turn(first, attachments)}
      {hidden > 0 && (
        <p className="divider">
          <button type="button" className="link" onClick={() => setShown(shown + MORE_TURNS)}>
            {`Show ${count(Math.min(hidden, MORE_TURNS))} of ${count(hidden)} earlier messages`}
          </button>
        </p>
      )}
      {others.slice(hidden).map((message) => turn(message))}
    </>
  );
}

interface TurnProps {
  message: MessageItem;
  principal: string;
  attachments?: readonly AttachmentItem[];
}

/** Messages keep their identity until they change. */
const Turn = memo(function Turn({ message, principal, attachments }: TurnProps) {
  const { role, text, thought, complete, toolCalls } = message;
  return (
    <Message
      speaker={role === 'USER' ? principal : 'model'}
      by={role}
      text={text}
      thought={thought}
      isComplete={complete}
      toolCalls={toolCalls}
      attachments={attachments}
    />
  );
});

interface MessageProps {
  speaker: string;
  by: 'USER' | 'ASSISTANT';
  text: string;
  thought?: string;
  isComplete: boolean;
  toolCalls?: readonly ToolCallItem[];
  attachments?: readonly AttachmentItem[];
}

function Message({ speaker, by, text, thought = '', isComplete, toolCalls = [], attachments = [] }: MessageProps) {
  // A new piece does not interrupt what the reader does.
  const shown = useDeferredValue(text);
  return (
    <div className={by === 'USER' ? 'message user' : 'message'}>
      <span className="speaker" title={visibleText(speaker)}>
        {visibleText(speaker)}
      </span>
      <div className="message-body">
        {thought !== '' && (
          <details className="thought">
            <summary>thoughts</summary>
            <p className="plain">{visibleText(thought)}</p>
          </details>
        )}
        {by === 'USER' ? (
          <p className="plain" dir="auto">
            {visibleText(text)}
          </p>
        ) : (
          shown !== '' && <Markdown text={shown} />
        )}
        <Attachments attachments={attachments} />
        {!isComplete && <span className="caret" role="status" aria-label="The answer is being written" />}
        <ToolCalls calls={toolCalls} />
      </div>
    </div>
  );
}

interface FooterProps {
  run: SessionRun;
  state: string;
  sessionId: string;
  error: { code: string; message: string; retryable: boolean } | null;
}

function RunFooter({ run, state, sessionId, error }: FooterProps) {
  const navigate = useNavigate();
  const canWrite = useCan('write');
  const { isBusy, error: failure, run: act } = useAction();
  const isEnded = ended.test(state);
  const branch = () =>
    act(async () => {
      const input = { sessionId, runId: run.id, idempotencyKey: crypto.randomUUID() };
      const { session } = accept((await client.query(BranchDocument, { input })).branchSession);
      await navigate({ to: '/sessions/$sessionId', params: { sessionId: session.id } });
    });
  const retry = () =>
    act(async () => {
      const input = { runId: run.id, idempotencyKey: crypto.randomUUID() };
      accept((await client.query(RetryDocument, { input })).retryRun);
    });
  const time = run.endedAt ? duration(Date.parse(run.endedAt) - Date.parse(run.createdAt)) : '';
  return (
    <footer className="run-footer">
      {state === 'FAILED' && error && (
        <p className="problem" role="alert">
          <b>{error.code}</b> {visibleText(error.message)}
        </p>
      )}
      {state === 'CANCELLED' && run.cancelReason && <p className="quiet">{visibleText(run.cancelReason)}</p>}
      <State of={state} />
      <Link to="/runs/$runId" params={{ runId: run.id }}>
        tape
      </Link>
      {time !== '' && <span>{time}</span>}
      {run.usage.totalTokens > 0 && (
        <span>
          {tokens(run.usage)}
          {run.usage.cost !== null && <> · {cost(run.usage.cost)}</>}
        </span>
      )}
      {isEnded && canWrite && (
        <>
          <button type="button" className="link" disabled={isBusy} onClick={branch}>
            branch here
          </button>
          <button type="button" className="link" disabled={isBusy} onClick={retry}>
            retry
          </button>
        </>
      )}
      {failure !== null && <span role="alert">{failure}</span>}
    </footer>
  );
}
