import { useNavigate } from '@tanstack/react-router';
import { accept } from '../gateway/accept.ts';
import { client } from '../gateway/connection.ts';
import { useAction } from '../gateway/use-action.ts';
import { useCan } from '../gateway/viewer.ts';
import { SendDocument } from '../generated/documents.ts';
import { Empty } from '../parts/status.tsx';

const examples = [
  ['fetch https://example.com', 'calls a tool that needs your approval'],
  ['what time is it', 'calls a tool that runs without asking'],
  ['Hello, what can you do?', 'answers, and streams while it writes'],
] as const;

/** The first page of a newcomer: three clicks lead through a message, its approval and its tape. */
export function FirstMessage() {
  const navigate = useNavigate();
  const { isBusy, error, run } = useAction();
  const canWrite = useCan('write');
  const send = (text: string) =>
    run(async () => {
      const input = { sessionKey: `first-${Date.now().toString(36)}`, text, idempotencyKey: crypto.randomUUID() };
      const { session } = accept((await client.query(SendDocument, { input })).sendMessage);
      await navigate({ to: '/sessions/$sessionId', params: { sessionId: session.id } });
    });
  return (
    <Empty title="No sessions yet">
      <p>Send one of these messages. Then allow the call that it makes, and open the tape, which holds every event.</p>
      <ul className="examples">
        {examples.map(([text, what]) => (
          <li key={text}>
            <button type="button" className="button" disabled={isBusy || !canWrite} onClick={() => send(text)}>
              {text}
            </button>
            <span className="quiet">{what}</span>
          </li>
        ))}
      </ul>
      <p className="quiet">
        Without configuration the offline model <code>scripted</code> answers. Applications send messages with the
        GraphQL API; <a href="/graphql">GraphiQL</a> shows it.
      </p>
      {error !== null && (
        <p role="alert" className="problem">
          {error}
        </p>
      )}
    </Empty>
  );
}
