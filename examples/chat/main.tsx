import { createClient, type MessageItem, type Sync, type WaitHandle } from '@runtape/client';
import { RuntapeProvider, useSession, useWait } from '@runtape/client/react';
import { type FormEvent, StrictMode, useEffect, useRef, useState } from 'react';
import { createRoot } from 'react-dom/client';

/** One chat for each key: `?session=…` opens another one. */
const key = new URLSearchParams(location.search).get('session') ?? 'chat';
const tape = createClient({ url: new URL('/graphql', location.href) });

function Message({ message }: { message: MessageItem }) {
  const { role, text, thought, toolCalls, attachments, complete } = message;
  return (
    <article className={role.toLowerCase()} aria-busy={!complete}>
      {thought && <div className="thought">{thought}</div>}
      {text}
      {attachments.map(({ id, name, bytes }) => (
        <div key={id}>
          📎 {name}, {bytes} bytes
        </div>
      ))}
      {toolCalls.map(({ callId, tool, input, state, error }) => (
        <div className="call" key={callId}>
          {tool} {JSON.stringify(input)}: {state.toLowerCase()} {error}
        </div>
      ))}
    </article>
  );
}

function Wait({ wait }: { wait: WaitHandle }) {
  const data = useWait(wait);
  const [problem, setProblem] = useState('');
  const decide = (decision: Promise<void>) => decision.catch((error: Error) => setProblem(error.message));
  // The other kinds are answered, see `wait.answer`: this chat leaves them to the console.
  if (wait.kind !== 'APPROVAL' && wait.kind !== 'BUDGET') return <section className="wait">{data.summary}</section>;
  return (
    <section className="wait" aria-label="Waits for you">
      <p>{data.summary}</p>
      {data.__typename === 'Approval' && <pre>{JSON.stringify(data.input, null, 2)}</pre>}
      <button type="button" onClick={() => decide(wait.allow())}>
        Allow
      </button>{' '}
      <button type="button" onClick={() => decide(wait.allow({ scope: 'SESSION' }))}>
        Allow for this chat
      </button>{' '}
      <button type="button" onClick={() => decide(wait.deny())}>
        Deny
      </button>
      {problem && <p role="alert">{problem}</p>}
    </section>
  );
}

function Status({ sync }: { sync: Sync }) {
  if (sync.state === 'live') return null;
  if (sync.state === 'catching-up') return <p role="status">Catching up…</p>;
  const next = sync.nextAttemptAt?.toLocaleTimeString();
  return (
    <p role="status">
      Offline: {sync.error.message} {next && `Next attempt at ${next}.`}
    </p>
  );
}

function Chat() {
  const { messages, waits, run, sync, send, stop, loadOlder, hasOlder } = useSession(key);
  const [text, setText] = useState('');
  const [problem, setProblem] = useState('');
  const end = useRef<HTMLDivElement>(null);
  const isBusy = run !== null && run.endedAt === null;

  // biome-ignore lint/correctness/useExhaustiveDependencies: the page scrolls when a message grows
  useEffect(() => end.current?.scrollIntoView({ block: 'end' }), [messages]);

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (text.trim() === '') return;
    setProblem('');
    try {
      await send(text);
      setText('');
    } catch (error) {
      setProblem((error as Error).message);
    }
  }

  return (
    <>
      <Status sync={sync} />
      {hasOlder && (
        <button type="button" onClick={() => loadOlder()}>
          Older messages
        </button>
      )}
      {messages.map((message) => (
        <Message key={`${message.runId} ${message.step ?? message.cursor}`} message={message} />
      ))}
      {waits.map((wait) => (
        <Wait key={wait.id} wait={wait} />
      ))}
      {run?.error && <p role="alert">The run failed: {run.error.message}</p>}
      {problem && <p role="alert">{problem}</p>}
      <form onSubmit={submit}>
        <input
          aria-label="Message"
          placeholder="fetch https://example.com"
          value={text}
          onChange={({ target }) => setText(target.value)}
        />
        <button type="submit">Send</button>
        <button type="button" disabled={!isBusy} onClick={() => stop()}>
          Stop
        </button>
      </form>
      <div ref={end} />
    </>
  );
}

const root = document.getElementById('chat');
if (root === null) throw new Error('The page has no element #chat.');
createRoot(root).render(
  <StrictMode>
    <RuntapeProvider client={tape}>
      <Chat />
    </RuntapeProvider>
  </StrictMode>,
);
