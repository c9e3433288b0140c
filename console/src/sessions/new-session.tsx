import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { accept } from '../gateway/accept.ts';
import { client } from '../gateway/connection.ts';
import { useAction } from '../gateway/use-action.ts';
import { SendDocument } from '../generated/documents.ts';
import { Modal } from '../parts/modal.tsx';

export function NewSession({ isOpen, onClose }: { isOpen: boolean; onClose(): void }) {
  const [key, setKey] = useState('');
  const [text, setText] = useState('');
  const { isBusy, error, run } = useAction();
  const navigate = useNavigate();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    run(async () => {
      const sessionKey = key.trim() === '' ? crypto.randomUUID() : key.trim();
      const input = { sessionKey, text, idempotencyKey: crypto.randomUUID() };
      const { session } = accept((await client.query(SendDocument, { input })).sendMessage);
      onClose();
      setText('');
      await navigate({ to: '/sessions/$sessionId', params: { sessionId: session.id } });
    });
  };
  return (
    <Modal title="New session" isOpen={isOpen} onClose={onClose}>
      <form onSubmit={submit}>
        <label htmlFor="new-text">First message</label>
        <textarea id="new-text" rows={4} value={text} onChange={({ target }) => setText(target.value)} />
        <label htmlFor="new-key">Key (optional): a name that applications can use</label>
        <input id="new-key" value={key} onChange={({ target }) => setKey(target.value)} />
        {error !== null && (
          <p role="alert" className="problem">
            {error}
          </p>
        )}
        <div className="buttons">
          <button type="submit" className="button primary" disabled={isBusy || text.trim() === ''}>
            Send
          </button>
        </div>
      </form>
    </Modal>
  );
}
