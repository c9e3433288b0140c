import { useState } from 'react';
import { useKeys } from '../app/keys.ts';
import { accept } from '../gateway/accept.ts';
import { client } from '../gateway/connection.ts';
import { useAction } from '../gateway/use-action.ts';
import { useCan } from '../gateway/viewer.ts';
import { DecideBudgetDocument, type DecideBudgetInput, type WaitQuery } from '../generated/documents.ts';
import { Modal } from '../parts/modal.tsx';
import { Fact, Facts } from '../parts/text.tsx';
import { cost, count } from '../text/figures.ts';

type BudgetRequest = Extract<NonNullable<WaitQuery['wait']>, { __typename: 'BudgetRequest' }>;

interface BudgetProps {
  request: BudgetRequest;
  onDecided(id: string): void;
}

const subjects = { RUN: 'the run', SESSION: 'the session', AGENT: 'the agent', PRINCIPAL: 'the principal' } as const;
const periods = { HOUR: 'in this hour', DAY: 'today', MONTH: 'in this month', TOTAL: 'in all' } as const;

/** What a budget has left, and whether the run may use more. */
export function BudgetDetail({ request, onDecided }: BudgetProps) {
  const isShared = request.appliesTo === 'AGENT' || request.appliesTo === 'PRINCIPAL';
  const scope = isShared ? 'approve:any' : 'approve';
  const canDecide = useCan(scope);
  const amount = (value: number) => (request.budget === 'TOKENS' ? `${count(value)} tokens` : cost(value));
  return (
    <>
      <Facts>
        <Fact name="budget of">
          {subjects[request.appliesTo]}, {periods[request.period]}
        </Fact>
        <Fact name="used">
          {amount(request.spent)} of {amount(request.allowance)}
        </Fact>
        <Fact name="the next call needs">at most {amount(request.needed)}</Fact>
        {request.granted !== null && <Fact name="allowed on top">{amount(request.granted)}</Fact>}
      </Facts>
      {request.state === 'OPEN' && canDecide && <BudgetForm request={request} onDecided={onDecided} />}
      {request.state === 'OPEN' && !canDecide && (
        <p className="quiet">Your sign-in may not decide about this budget (scope {scope}).</p>
      )}
    </>
  );
}

function BudgetForm({ request, onDecided }: BudgetProps) {
  const [increase, setIncrease] = useState('');
  const [isDenying, setDenying] = useState(false);
  const { isBusy, error, run } = useAction();
  const number = increase.trim() === '' ? undefined : Number(increase);
  const isAmount = number === undefined || (Number.isFinite(number) && number > 0);
  const decide = (input: Omit<DecideBudgetInput, 'budgetRequestId'>) =>
    run(async () => {
      const decision = { budgetRequestId: request.id, ...input };
      accept((await client.query(DecideBudgetDocument, { input: decision })).decideBudget);
      onDecided(request.id);
    });
  const allow = () => !isBusy && isAmount && decide({ decision: 'ALLOW', increase: number });
  useKeys([
    { keys: 'a', label: 'Allow the increase', run: allow },
    { keys: 'd', label: 'Deny', run: () => setDenying(true) },
  ]);
  const unit = request.budget === 'TOKENS' ? 'tokens' : 'the currency of the prices';
  return (
    <>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          allow();
        }}
      >
        <label htmlFor="increase">Increase for this run, in {unit}</label>
        <input
          id="increase"
          value={increase}
          onChange={({ target }) => setIncrease(target.value)}
          inputMode="decimal"
          placeholder={String(request.needed)}
          aria-describedby="increase-note"
          aria-invalid={!isAmount}
        />
        <p id="increase-note" className="quiet">
          Empty: what the next call needs. Only this run may use it.
        </p>
        {!isAmount && (
          <p role="alert" className="problem">
            The increase must be a number above 0.
          </p>
        )}
        <div className="buttons">
          <button type="submit" className="button primary" disabled={isBusy || !isAmount}>
            Allow <kbd>a</kbd>
          </button>
          <button type="button" className="button danger" disabled={isBusy} onClick={() => setDenying(true)}>
            Deny… <kbd>d</kbd>
          </button>
        </div>
      </form>
      {error !== null && (
        <p role="alert" className="problem">
          {error}
        </p>
      )}
      <Modal title="Deny more budget" isOpen={isDenying} onClose={() => setDenying(false)}>
        <Denial
          onDeny={(reason) => {
            setDenying(false);
            decide({ decision: 'DENY', reason });
          }}
        />
      </Modal>
    </>
  );
}

function Denial({ onDeny }: { onDeny(reason: string | undefined): void }) {
  const [reason, setReason] = useState('');
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onDeny(reason.trim() || undefined);
      }}
    >
      <label htmlFor="denial">Reason, which is part of the error of the run (optional)</label>
      <input id="denial" value={reason} onChange={({ target }) => setReason(target.value)} maxLength={2000} />
      <div className="buttons">
        <button type="submit" className="button danger">
          Deny, and fail the run
        </button>
      </div>
    </form>
  );
}
