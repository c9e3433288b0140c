import type { TapeEvent } from '@runtape/client';
import { useNavigate } from '@tanstack/react-router';
import { accept } from '../gateway/accept.ts';
import { client } from '../gateway/connection.ts';
import { useAction } from '../gateway/use-action.ts';
import { useCan } from '../gateway/viewer.ts';
import { BranchDocument, CancelDocument, RetryDocument } from '../generated/documents.ts';
import { Menu } from '../parts/menu.tsx';
import { describe } from './describe.ts';
import type { RunContent } from './run-figures.tsx';

const ended = /^(DONE|FAILED|CANCELLED)$/;

const operation = (id: string) => `subscription {
  runEvents(runId: "${id}") {
    seq type recordedAt actor payload cursor
  }
}`;

export function RunActions({ run, events }: { run: RunContent; events: readonly TapeEvent[] }) {
  const navigate = useNavigate();
  const canWrite = useCan('write');
  const { isBusy, error, run: act } = useAction();
  const isEnded = ended.test(run.state);
  const retry = () =>
    act(async () => {
      const input = { runId: run.id, idempotencyKey: crypto.randomUUID() };
      const { run: next } = accept((await client.query(RetryDocument, { input })).retryRun);
      await navigate({ to: '/runs/$runId', params: { runId: next.id } });
    });
  const branch = () =>
    act(async () => {
      const input = { sessionId: run.session.id, runId: run.id, idempotencyKey: crypto.randomUUID() };
      const { session } = accept((await client.query(BranchDocument, { input })).branchSession);
      await navigate({ to: '/sessions/$sessionId', params: { sessionId: session.id } });
    });
  const stop = () =>
    act(async () => {
      accept((await client.query(CancelDocument, { input: { runId: run.id } })).cancelRun);
    });
  const copy = (text: string) => void navigator.clipboard.writeText(text);
  const lines = () => events.map((event) => `${event.seq}\t${event.recordedAt}\t${event.type}\t${describe(event)}`);
  const compare = () =>
    void navigate({ to: '/compare', search: { a: run.retryOf?.id ?? run.id, b: run.retryOf ? run.id : undefined } });
  return (
    <>
      {error !== null && (
        <span role="alert" className="tone-bad">
          {error}
        </span>
      )}
      {!isEnded && canWrite && (
        <button type="button" className="button" onClick={stop} disabled={isBusy}>
          Stop
        </button>
      )}
      <button type="button" className="button" onClick={compare}>
        Compare
      </button>
      {isEnded && canWrite && (
        <>
          <button type="button" className="button" onClick={retry} disabled={isBusy}>
            Retry
          </button>
          <button type="button" className="button" onClick={branch} disabled={isBusy}>
            Branch
          </button>
        </>
      )}
      <Menu
        label="Copy"
        items={[
          { label: 'As text', onSelect: () => copy(lines().join('\n')) },
          { label: 'As JSON lines', onSelect: () => copy(events.map((event) => JSON.stringify(event)).join('\n')) },
          { label: 'As GraphQL operation', hint: 'Follows this tape', onSelect: () => copy(operation(run.id)) },
        ]}
      >
        Copy
      </Menu>
    </>
  );
}
