import { useState } from 'react';
import { accept } from '../gateway/accept.ts';
import { client } from '../gateway/connection.ts';
import { useAction } from '../gateway/use-action.ts';
import { useQuery } from '../gateway/use-query.ts';
import { useCan } from '../gateway/viewer.ts';
import { ForgetDocument, MemoriesDocument, RememberDocument } from '../generated/documents.ts';
import { Empty, Problem, Skeleton } from '../parts/status.tsx';
import { Words } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { visibleText } from '../text/visible-text.ts';

/** What the agents remember of this principal. */
export function MemoryList() {
  const [query, setQuery] = useState('');
  const { data, error } = useQuery(MemoriesDocument, { query: query.trim() === '' ? null : query });
  const { error: failure, isBusy, run } = useAction();
  const canWrite = useCan('write');
  const edges = data?.memories.edges ?? [];
  const forget = (memoryId: string) =>
    run(async () => {
      accept((await client.query(ForgetDocument, { input: { memoryId } })).forget);
    });
  return (
    <>
      <search className="filters">
        <input
          type="search"
          aria-label="Search in memories"
          placeholder="Search in memories"
          value={query}
          onChange={({ target }) => setQuery(target.value)}
        />
      </search>
      {canWrite && <Remember />}
      {error !== null && <Problem error={error} />}
      {failure !== null && (
        <p role="alert" className="problem">
          {failure}
        </p>
      )}
      {data === null && error === null && <Skeleton />}
      {data !== null && edges.length === 0 && (
        <Empty title={query === '' ? 'Nothing is remembered' : 'Nothing found'}>
          {query === '' && (
            <p>
              Agents save facts with the tool <code>memory_save</code>, and you can add one above.
            </p>
          )}
        </Empty>
      )}
      <ul className="rows">
        {edges.map(({ node: { id, text, tags, createdAt, session }, score }) => (
          <li key={id} className="row memory">
            <span className="row-title">
              <Words>{text}</Words>
              <small>
                {visibleText(tags.join(', '))} {session ? `· only in ${visibleText(session.key)}` : ''}
              </small>
            </span>
            <span className="row-note">{score === null || score === undefined ? '' : score.toFixed(2)}</span>
            <span className="row-time">
              <Time at={createdAt} />
            </span>
            {canWrite && (
              <button type="button" className="link" disabled={isBusy} onClick={() => forget(id)}>
                forget
              </button>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

function Remember() {
  const [text, setText] = useState('');
  const { isBusy, error, run } = useAction();
  return (
    <form
      className="inline-form"
      onSubmit={(event) => {
        event.preventDefault();
        run(async () => {
          accept(
            (await client.query(RememberDocument, { input: { text, idempotencyKey: crypto.randomUUID() } })).remember,
          );
          setText('');
        });
      }}
    >
      <input
        aria-label="A fact to remember"
        placeholder="A fact to remember"
        value={text}
        onChange={({ target }) => setText(target.value)}
      />
      <button type="submit" className="button" disabled={isBusy || text.trim() === ''}>
        Remember
      </button>
      {error !== null && <span role="alert">{error}</span>}
    </form>
  );
}
