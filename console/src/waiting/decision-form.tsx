import { useState } from 'react';
import { useKeys } from '../app/keys.ts';
import { accept } from '../gateway/accept.ts';
import { client } from '../gateway/connection.ts';
import { useAction } from '../gateway/use-action.ts';
import { type DecideApprovalInput, DecideDocument } from '../generated/documents.ts';
import { JsonChanges } from '../parts/json-changes.tsx';
import { Menu, type MenuItem } from '../parts/menu.tsx';
import { isEqual } from '../text/json-changes.ts';
import { DecideTogether } from './decide-together.tsx';
import { InputFacts } from './input-facts.tsx';
import { ReasonModal } from './reason-modal.tsx';
import { ValueForm } from './value-form.tsx';
import type { ApprovalContent } from './wait-content.ts';

const HOUR_SECONDS = 3_600;

type Grant = Pick<DecideApprovalInput, 'scope' | 'expiresInSeconds' | 'bindToTarget'>;

const grants: readonly { label: string; hint: string; grant: Grant; needsTarget: boolean }[] = [
  {
    label: 'For the session, this target',
    hint: 'Later calls with this target run without asking',
    grant: { scope: 'SESSION', bindToTarget: true },
    needsTarget: true,
  },
  {
    label: 'For the session, every target',
    hint: 'Every later call of this tool runs without asking',
    grant: { scope: 'SESSION' },
    needsTarget: false,
  },
  {
    label: 'For an hour, this target',
    hint: 'Until then, in this session',
    grant: { scope: 'TIMEBOXED', expiresInSeconds: HOUR_SECONDS, bindToTarget: true },
    needsTarget: true,
  },
  {
    label: 'For an hour, every target',
    hint: 'Until then, in this session',
    grant: { scope: 'TIMEBOXED', expiresInSeconds: HOUR_SECONDS },
    needsTarget: false,
  },
];

/** The input, which can be edited, and the decision. A changed tool is allowed only after the box is ticked with the pointer or Tab. */
export function DecisionForm({ wait, onDecided }: { wait: ApprovalContent; onDecided(id: string): void }) {
  const [edited, setEdited] = useState<unknown>(wait.input);
  const [isEditing, setEditing] = useState(false);
  const [isDenying, setDenying] = useState(false);
  const [isReviewed, setReviewed] = useState(false);
  const { isBusy, error, run } = useAction();
  const isChanged = wait.previousDefinition !== null && wait.previousDefinition !== undefined;
  const isEdited = !isEqual(edited, wait.input);
  const canAllow = !isBusy && edited !== undefined && (!isChanged || isReviewed);
  const decide = (input: Omit<DecideApprovalInput, 'approvalId'>) =>
    run(async () => {
      accept((await client.query(DecideDocument, { input: { approvalId: wait.id, ...input } })).decideApproval);
      onDecided(wait.id);
    });
  const allow = (grant: Grant = {}) =>
    canAllow && decide({ decision: 'ALLOW', ...grant, editedInput: isEdited ? edited : undefined });
  useKeys([
    // A changed definition must be read: the key alone does not allow it.
    { keys: 'a', label: isChanged ? 'Allow (not for a changed tool)' : 'Allow once', run: () => !isChanged && allow() },
    { keys: 'd', label: 'Deny', run: () => setDenying(true) },
    { keys: 'e', label: 'Edit the input', run: () => setEditing(!isEditing) },
  ]);
  const more: MenuItem[] = grants
    .filter(({ needsTarget }) => !needsTarget || wait.target !== null)
    .map(({ label, hint, grant }) => ({ label, hint, isDisabled: !canAllow, onSelect: () => allow(grant) }));
  return (
    <>
      {isEditing ? (
        <ValueForm schema={schemaOf(wait)} label="Input" value={edited} onChange={setEdited} />
      ) : (
        <InputFacts input={edited} />
      )}
      {isEdited && (
        <section aria-label="Your changes">
          <h3>Your changes</h3>
          <JsonChanges before={wait.input} after={edited} />
        </section>
      )}
      {isChanged && (
        <label className="check">
          <input type="checkbox" checked={isReviewed} onChange={({ target }) => setReviewed(target.checked)} /> I have
          read what changed in the tool
        </label>
      )}
      <div className="buttons">
        <button type="button" className="button primary" disabled={!canAllow} onClick={() => allow()}>
          {isEdited ? 'Allow once, with changes' : 'Allow once'} {!isChanged && <kbd>a</kbd>}
        </button>
        <Menu label="Allow for longer" items={more}>
          Longer
        </Menu>
        <button type="button" className="button danger" disabled={isBusy} onClick={() => setDenying(true)}>
          Deny… <kbd>d</kbd>
        </button>
        <button type="button" className="button plain" onClick={() => setEditing(!isEditing)}>
          {isEditing ? 'Stop editing' : 'Edit input'} <kbd>e</kbd>
        </button>
      </div>
      {!isChanged && <DecideTogether approval={wait} />}
      {error !== null && (
        <p role="alert" className="problem">
          {error}
        </p>
      )}
      <ReasonModal
        title="Deny this call"
        label="Reason, which the model is told (optional)"
        action="Deny"
        isOpen={isDenying}
        onClose={() => setDenying(false)}
        onConfirm={(reason) => decide({ decision: 'DENY', reason })}
      />
    </>
  );
}

function schemaOf({ definition }: ApprovalContent): unknown {
  return (definition as { inputSchema?: unknown } | null)?.inputSchema;
}
