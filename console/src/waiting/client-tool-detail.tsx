import { useRef, useState } from 'react';
import { keyText, useKeys } from '../app/keys.ts';
import { accept } from '../gateway/accept.ts';
import { client } from '../gateway/connection.ts';
import { useAction } from '../gateway/use-action.ts';
import { useCan } from '../gateway/viewer.ts';
import { SubmitToolResultDocument, type SubmitToolResultInput } from '../generated/documents.ts';
import { JsonInput } from '../parts/json-input.tsx';
import { JsonView } from '../parts/json-view.tsx';
import { Words } from '../parts/text.tsx';
import { InputFacts } from './input-facts.tsx';
import { ReasonModal } from './reason-modal.tsx';
import type { ClientToolContent } from './wait-content.ts';

interface ClientToolProps {
  call: ClientToolContent;
  onDecided(id: string): void;
}

/** A call that a client runs: its input, and its result. */
export function ClientToolDetail({ call, onDecided }: ClientToolProps) {
  const canSubmit = useCan('write');
  const { input, output, error, outcome, state } = call;
  return (
    <>
      <InputFacts input={input} />
      {state === 'OPEN' && (
        <p className="note">
          A client of the session runs this tool. If it cannot, submit the result here; the first result counts.
        </p>
      )}
      {state === 'OPEN' && canSubmit && <ResultForm call={call} onDecided={onDecided} />}
      {state === 'OPEN' && !canSubmit && <p className="quiet">Your sign-in may not submit results (scope write).</p>}
      {outcome === 'COMPLETED' && (
        <>
          <h3>output</h3>
          <JsonView value={output} />
        </>
      )}
      {error !== null && (
        <p className="problem">
          <Words>{error}</Words>
        </p>
      )}
    </>
  );
}

function ResultForm({ call, onDecided }: ClientToolProps) {
  const [output, setOutput] = useState<unknown>(undefined);
  const [isFailing, setFailing] = useState(false);
  const { isBusy, error, run } = useAction();
  const form = useRef<HTMLFormElement>(null);
  const settle = (result: Omit<SubmitToolResultInput, 'clientToolCallId'>) =>
    run(async () => {
      const input = { clientToolCallId: call.id, ...result };
      accept((await client.query(SubmitToolResultDocument, { input })).submitToolResult);
      onDecided(call.id);
    });
  const canSend = !isBusy && output !== undefined;
  const send = () => canSend && settle({ output });
  useKeys([
    { keys: 'e', label: 'Go to the result', run: () => form.current?.querySelector('textarea')?.focus() },
    { keys: 'mod+Enter', label: 'Submit the result', run: send },
    { keys: 'd', label: 'Submit an error', run: () => setFailing(true) },
  ]);
  return (
    <>
      <form
        ref={form}
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <JsonInput label="Result, as JSON" value={undefined} onChange={setOutput} />
        {error !== null && (
          <p role="alert" className="problem">
            {error}
          </p>
        )}
        <div className="buttons">
          <button type="submit" className="button primary" disabled={!canSend}>
            Submit result <kbd>{keyText('mod+Enter')}</kbd>
          </button>
          <button type="button" className="button danger" disabled={isBusy} onClick={() => setFailing(true)}>
            Submit an error… <kbd>d</kbd>
          </button>
        </div>
      </form>
      <ReasonModal
        title="The tool failed"
        label="Error, which the model is told"
        action="Submit the error"
        isRequired
        isOpen={isFailing}
        onClose={() => setFailing(false)}
        onConfirm={(reason = '') => settle({ error: reason })}
      />
    </>
  );
}
