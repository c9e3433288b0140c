import { type KeyboardEvent, useRef, useState } from 'react';
import { keyText } from '../app/keys.ts';
import { accept } from '../gateway/accept.ts';
import { client } from '../gateway/connection.ts';
import { useAction } from '../gateway/use-action.ts';
import { useQuery } from '../gateway/use-query.ts';
import { AgentsDocument, CancelDocument, type WhenBusy } from '../generated/documents.ts';
import { CloseIcon } from '../parts/icons.tsx';
import { visibleText } from '../text/visible-text.ts';
import type { SessionContent } from './session-screen.tsx';

const busyChoices: readonly { value: WhenBusy; label: string }[] = [
  { value: 'QUEUE', label: 'after it' },
  { value: 'STEER', label: 'into it' },
  { value: 'INTERRUPT', label: 'instead of it' },
];

/** Writes to the session. While a run is active, it says what the message does to it. */
export function Composer({ session }: { session: SessionContent }) {
  const [text, setText] = useState('');
  const [agentId, setAgentId] = useState('');
  const [model, setModel] = useState('');
  const [whenBusy, setWhenBusy] = useState<WhenBusy>('QUEUE');
  const [files, setFiles] = useState<readonly File[]>([]);
  const { isBusy, error, run } = useAction();
  const active = session.activeRun;
  const send = () => {
    if (text.trim() === '' || isBusy) return;
    const options = {
      whenBusy,
      agentId: agentId === '' ? undefined : agentId,
      model: model === '' ? undefined : model,
      attachments: files,
    };
    run(async () => {
      await client.session({ id: session.id }).send(text, options);
      setText('');
      setFiles([]);
    });
  };
  const stop = () =>
    active &&
    run(async () => {
      accept((await client.query(CancelDocument, { input: { runId: active.id } })).cancelRun);
    });
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) {
      event.preventDefault();
      send();
    } else if (event.key === 'Escape') stop();
  };
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <textarea
        id="message"
        aria-label="Message"
        placeholder="Message"
        rows={3}
        value={text}
        onChange={({ target }) => setText(target.value)}
        onKeyDown={onKeyDown}
      />
      <div className="composer-line">
        <Files files={files} onChange={setFiles} />
        <Choices agentId={agentId} onAgent={setAgentId} model={model} onModel={setModel} />
        {active && (
          <label>
            a run is active; send{' '}
            <select value={whenBusy} onChange={({ target }) => setWhenBusy(target.value as WhenBusy)}>
              {busyChoices.map(({ value, label }) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </select>
          </label>
        )}
        <span className="grow" />
        {error !== null && (
          <span role="alert" className="tone-bad">
            {error}
          </span>
        )}
        {active && (
          <button type="button" className="button" onClick={stop} disabled={isBusy}>
            Stop <kbd>Esc</kbd>
          </button>
        )}
        <button type="submit" className="button primary" disabled={isBusy || text.trim() === ''}>
          Send <kbd>{keyText('mod+Enter')}</kbd>
        </button>
      </div>
    </form>
  );
}

interface ChoicesProps {
  agentId: string;
  onAgent(id: string): void;
  model: string;
  onModel(name: string): void;
}

function Choices({ agentId, onAgent, model, onModel }: ChoicesProps) {
  const { data } = useQuery(AgentsDocument, {}, { isLive: false });
  const agents = data?.agents.nodes ?? [];
  const models = data?.gateway.models ?? [];
  return (
    <>
      {agents.length > 0 && (
        <select aria-label="Agent" value={agentId} onChange={({ target }) => onAgent(target.value)}>
          <option value="">the session's agent</option>
          {agents.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      )}
      {models.length > 1 && (
        <select aria-label="Model" value={model} onChange={({ target }) => onModel(target.value)}>
          <option value="">the agent's model</option>
          {models.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      )}
    </>
  );
}

function Files({ files, onChange }: { files: readonly File[]; onChange(files: readonly File[]): void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" className="button plain" onClick={() => input.current?.click()}>
        Attach
      </button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label="Files to attach"
        onChange={({ target }) => {
          onChange([...files, ...(target.files ?? [])]);
          target.value = '';
        }}
      />
      {files.map((file, index) => (
        <span key={`${file.name} ${file.size} ${file.lastModified}`} className="file">
          {visibleText(file.name)}
          <button
            type="button"
            className="icon-button"
            aria-label={`Remove ${visibleText(file.name)}`}
            onClick={() => onChange(files.filter((_, other) => other !== index))}
          >
            <CloseIcon />
          </button>
        </span>
      ))}
    </>
  );
}
