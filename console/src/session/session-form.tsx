import { type FormEvent, useState } from 'react';
import { accept } from '../gateway/accept.ts';
import { client } from '../gateway/connection.ts';
import { useAction } from '../gateway/use-action.ts';
import { useQuery } from '../gateway/use-query.ts';
import { AgentsDocument, type SessionDetailsQuery, UpdateSessionDocument } from '../generated/documents.ts';
import { visibleText } from '../text/visible-text.ts';

type Details = NonNullable<SessionDetailsQuery['session']>;

interface Entry {
  id: number;
  key: string;
  value: string;
}

/** The changes that turn one object into the other: null deletes a key. */
function changesOf(before: Readonly<Record<string, string>>, entries: readonly Entry[]) {
  const after = new Map(entries.filter(({ key }) => key.trim() !== '').map(({ key, value }) => [key.trim(), value]));
  const removed = Object.keys(before).filter((key) => !after.has(key));
  const changed = [...after].filter(([key, value]) => before[key] !== value);
  return Object.fromEntries([...removed.map((key) => [key, null] as const), ...changed]);
}

export function SessionForm({ session, canWrite }: { session: Details; canWrite: boolean }) {
  const metadata = session.metadata as Readonly<Record<string, string>>;
  const [title, setTitle] = useState(session.title ?? '');
  const [agentId, setAgentId] = useState(session.agent?.id ?? '');
  const [useCompaction, setUseCompaction] = useState(session.useCompaction);
  const [entries, setEntries] = useState<readonly Entry[]>(() =>
    Object.entries(metadata).map(([key, value], id) => ({ id, key, value })),
  );
  const [isSaved, setSaved] = useState(false);
  const { isBusy, error, run } = useAction();
  const agents = useQuery(AgentsDocument, {}, { isLive: false }).data?.agents.nodes ?? [];
  const changes = changesOf(metadata, entries);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setSaved(false);
    run(async () => {
      const input = {
        sessionId: session.id,
        title: title === (session.title ?? '') ? undefined : title,
        agentId: agentId === (session.agent?.id ?? '') ? undefined : agentId,
        metadata: Object.keys(changes).length === 0 ? undefined : changes,
        useCompaction,
      };
      accept((await client.query(UpdateSessionDocument, { input })).updateSession);
      setSaved(true);
    });
  };
  return (
    <form className="form" onSubmit={submit} onChange={() => setSaved(false)}>
      <label htmlFor="session-title">Title</label>
      <input id="session-title" value={title} disabled={!canWrite} onChange={({ target }) => setTitle(target.value)} />
      {agents.length > 0 && (
        <>
          <label htmlFor="session-agent">Agent, from the next message on</label>
          <select
            id="session-agent"
            value={agentId}
            disabled={!canWrite}
            onChange={({ target }) => setAgentId(target.value)}
          >
            {session.agent === null && <option value="">the default agent</option>}
            {agents.map(({ id, name }) => (
              <option key={id} value={id}>
                {visibleText(name)}
              </option>
            ))}
          </select>
        </>
      )}
      <Metadata entries={entries} onChange={setEntries} isDisabled={!canWrite} />
      <label className="check">
        <input
          type="checkbox"
          checked={useCompaction}
          disabled={!canWrite}
          onChange={({ target }) => setUseCompaction(target.checked)}
        />{' '}
        models are shown summaries in place of older messages
      </label>
      {error !== null && (
        <p role="alert" className="problem">
          {error}
        </p>
      )}
      {canWrite && (
        <div className="buttons">
          <button type="submit" className="button primary" disabled={isBusy}>
            Save
          </button>
          {isSaved && (
            <span role="status" className="tone-good">
              ✓ saved
            </span>
          )}
        </div>
      )}
    </form>
  );
}

interface MetadataProps {
  entries: readonly Entry[];
  onChange(entries: readonly Entry[]): void;
  isDisabled: boolean;
}

function Metadata({ entries, onChange, isDisabled }: MetadataProps) {
  const change = (id: number, part: Partial<Entry>) =>
    onChange(entries.map((entry) => (entry.id === id ? { ...entry, ...part } : entry)));
  return (
    <fieldset>
      <legend>Metadata</legend>
      {entries.map(({ id, key, value }) => (
        <div key={id} className="entry">
          <input
            aria-label="Key"
            placeholder="key"
            value={key}
            disabled={isDisabled}
            onChange={({ target }) => change(id, { key: target.value })}
          />
          <input
            aria-label={`Value of ${key}`}
            placeholder="value"
            value={value}
            disabled={isDisabled}
            onChange={({ target }) => change(id, { value: target.value })}
          />
          <button
            type="button"
            className="button plain"
            aria-label={`Remove ${key}`}
            disabled={isDisabled}
            onClick={() => onChange(entries.filter((entry) => entry.id !== id))}
          >
            Remove
          </button>
        </div>
      ))}
      <button
        type="button"
        className="button"
        disabled={isDisabled}
        onClick={() => onChange([...entries, { id: (entries.at(-1)?.id ?? 0) + 1, key: '', value: '' }])}
      >
        Add a key
      </button>
    </fieldset>
  );
}
