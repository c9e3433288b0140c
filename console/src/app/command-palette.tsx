import { useNavigate } from '@tanstack/react-router';
import { type KeyboardEvent, useEffect, useState } from 'react';
import { useQuery } from '../gateway/use-query.ts';
import { SessionsDocument } from '../generated/documents.ts';
import { Modal } from '../parts/modal.tsx';
import { visibleText } from '../text/visible-text.ts';
import { useKeys } from './keys.ts';
import { PALETTE_EVENT } from './open-overlays.ts';

interface Command {
  label: string;
  hint: string;
  go(): void;
}

const pages = [
  ['Waiting for you', '/waiting/{-$waitId}'],
  ['Sessions', '/sessions'],
  ['Compare runs', '/compare'],
  ['Usage', '/usage'],
  ['Agents', '/agents'],
  ['Gateway', '/gateway'],
] as const;

/** Goes to a page, to a session by its words, or to a session, run or wait by its id. */
export function CommandPalette() {
  const [isOpen, setOpen] = useState(false);
  useKeys([{ keys: 'mod+k', label: 'Go to a session, run or wait', run: () => setOpen(true) }]);
  useEffect(() => {
    const open = () => setOpen(true);
    document.addEventListener(PALETTE_EVENT, open);
    return () => document.removeEventListener(PALETTE_EVENT, open);
  }, []);
  return (
    <Modal title="Go to" isOpen={isOpen} onClose={() => setOpen(false)} className="palette">
      <Search onDone={() => setOpen(false)} />
    </Modal>
  );
}

function useCommands(text: string): Command[] {
  const navigate = useNavigate();
  const words = text.trim();
  const { data } = useQuery(
    SessionsDocument,
    { filter: words === '' ? null : { search: words }, orderBy: words === '' ? 'LAST_ACTIVITY' : null },
    { isLive: false },
  );
  const id = /\b(ses|run|apr|bud|que|ctc)_[0-9A-Z]+\b/.exec(words);
  const byId = id ? [{ label: id[0], hint: 'by id', go: () => void navigate(targetOf(id[0])) }] : [];
  const matching = pages
    .filter(([label]) => label.toLowerCase().includes(words.toLowerCase()))
    .map(([label, to]) => ({ label, hint: 'page', go: () => void navigate({ to }) }));
  const sessions = (data?.sessions.edges ?? []).slice(0, 12).map(({ node }) => ({
    label: visibleText(node.title ?? node.key),
    hint: 'session',
    go: () => void navigate({ to: '/sessions/$sessionId', params: { sessionId: node.id } }),
  }));
  return [...byId, ...matching, ...sessions];
}

function targetOf(id: string) {
  if (id.startsWith('ses_')) return { to: '/sessions/$sessionId', params: { sessionId: id } } as const;
  if (id.startsWith('run_')) return { to: '/runs/$runId', params: { runId: id } } as const;
  return { to: '/waiting/{-$waitId}', params: { waitId: id } } as const;
}

function Search({ onDone }: { onDone(): void }) {
  const [text, setText] = useState('');
  const [selected, setSelected] = useState(0);
  const commands = useCommands(text);
  const choose = (command: Command | undefined) => {
    if (!command) return;
    command.go();
    onDone();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter') choose(commands[selected]);
    else if (event.key === 'ArrowDown') setSelected(Math.min(selected + 1, commands.length - 1));
    else if (event.key === 'ArrowUp') setSelected(Math.max(selected - 1, 0));
    else return;
    event.preventDefault();
  };
  return (
    <>
      <input
        className="palette-input"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-results"
        aria-activedescendant={commands[selected] ? `palette-${selected}` : undefined}
        aria-label="Words, a key or an id"
        placeholder="Words, a key or an id"
        value={text}
        onChange={({ target }) => {
          setText(target.value);
          setSelected(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div role="listbox" id="palette-results" aria-label="Results" className="palette-results">
        {commands.map((command, index) => (
          // biome-ignore lint/a11y/useFocusableInteractive: the input keeps the focus and names the selected option
          // biome-ignore lint/a11y/useKeyWithClickEvents: the input handles the keys
          <div
            // biome-ignore lint/suspicious/noArrayIndexKey: the position is what is selected
            key={index}
            id={`palette-${index}`}
            role="option"
            aria-selected={index === selected}
            onClick={() => choose(command)}
          >
            <span>{command.label}</span>
            <small>{command.hint}</small>
          </div>
        ))}
        {commands.length === 0 && <p className="quiet">Nothing found.</p>}
      </div>
    </>
  );
}
