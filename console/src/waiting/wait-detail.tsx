import { Link } from '@tanstack/react-router';
import { lazy, Suspense } from 'react';
import { useQuery } from '../gateway/use-query.ts';
import { useCan } from '../gateway/viewer.ts';
import { WaitDocument } from '../generated/documents.ts';
import { Id } from '../parts/copy.tsx';
import { JsonChanges } from '../parts/json-changes.tsx';
import { Risk, State, wordOf } from '../parts/state.tsx';
import { Empty, Problem, Skeleton } from '../parts/status.tsx';
import { Fact, Facts, Quote, Words } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { bothEnds } from '../text/visible-text.ts';
import { DecisionForm } from './decision-form.tsx';
import { InputFacts } from './input-facts.tsx';
import { type ApprovalContent, approvalOf, type WaitContent } from './wait-content.ts';

const QuestionDetail = lazy(() =>
  import('./question-detail.tsx').then((loaded) => ({ default: loaded.QuestionDetail })),
);
const BudgetDetail = lazy(() => import('./budget-detail.tsx').then((loaded) => ({ default: loaded.BudgetDetail })));
const ClientToolDetail = lazy(() =>
  import('./client-tool-detail.tsx').then((loaded) => ({ default: loaded.ClientToolDetail })),
);

const VALUE_CHARACTERS = 1_200;

interface WaitProps {
  wait: WaitContent;
  onDecided(id: string): void;
}

interface WaitDetailProps {
  id: string;
  onDecided(id: string): void;
  /** Whether it stands in its session, which says where it comes from. */
  isInSession?: boolean;
}

/** What a run waits for, and how to settle it. */
export function WaitDetail({ id, onDecided, isInSession = false }: WaitDetailProps) {
  const { data, error } = useQuery(WaitDocument, { id });
  if (error !== null && data === null) return <Problem error={error} />;
  if (data === null) return <Skeleton />;
  const { wait } = data;
  if (wait === null || wait === undefined) {
    return (
      <Empty title="This wait is not there">
        <p>It may belong to a session that was erased, or to somebody else.</p>
      </Empty>
    );
  }
  return (
    <section className="detail" aria-label={regions[wait.__typename]}>
      <h2 className={isCall(wait) ? 'target-title' : 'target-title words-only'}>
        <Words isStrict>{bothEnds(titleOf(wait), VALUE_CHARACTERS)}</Words>
      </h2>
      {wait.state !== 'OPEN' && <Settled wait={wait} />}
      <Suspense fallback={<Skeleton rows={3} />}>
        <OfItsKind wait={wait} onDecided={onDecided} />
      </Suspense>
      <Origin wait={wait} isInSession={isInSession} />
    </section>
  );
}

const isCall = ({ __typename }: WaitContent) => __typename === 'Approval' || __typename === 'ClientToolCall';

const regions: Readonly<Record<WaitContent['__typename'], string>> = {
  Approval: 'What will happen',
  BudgetRequest: 'Budget',
  Question: 'Question',
  ClientToolCall: 'Tool call of a client',
};

function titleOf(wait: WaitContent): string {
  switch (wait.__typename) {
    case 'Approval':
      return wait.target ?? wait.tool;
    case 'BudgetRequest':
      return wait.summary;
    case 'Question':
      return wait.source === 'builtin' ? 'The model asks' : `${wait.source} asks`;
    case 'ClientToolCall':
      return wait.tool;
  }
}

function OfItsKind({ wait, onDecided }: WaitProps) {
  const canApprove = useCan('approve');
  switch (wait.__typename) {
    case 'Approval':
      return <ApprovalDetail approval={wait} canApprove={canApprove} onDecided={onDecided} />;
    case 'BudgetRequest':
      return <BudgetDetail request={wait} onDecided={onDecided} />;
    case 'Question':
      return <QuestionDetail question={wait} onDecided={onDecided} />;
    case 'ClientToolCall':
      return <ClientToolDetail call={wait} onDecided={onDecided} />;
  }
}

interface ApprovalDetailProps {
  approval: ApprovalContent;
  canApprove: boolean;
  onDecided(id: string): void;
}

function ApprovalDetail({ approval, canApprove, onDecided }: ApprovalDetailProps) {
  const isOpen = approval.state === 'OPEN';
  return (
    <>
      <ChangedTool approval={approval} />
      {isOpen && canApprove ? (
        <DecisionForm wait={approval} onDecided={onDecided} />
      ) : (
        <InputFacts input={approval.editedInput ?? approval.input} />
      )}
      {isOpen && !canApprove && <p className="quiet">Your sign-in may not decide approvals (scope approve).</p>}
      {approval.editedInput !== null && approval.editedInput !== undefined && (
        <JsonChanges before={approval.input} after={approval.editedInput} />
      )}
      <Reasons approval={approval} />
    </>
  );
}

const scopes: Readonly<Record<string, string>> = { SESSION: 'for the session', TIMEBOXED: 'for a time' };

function Settled({ wait }: { wait: WaitContent }) {
  const scope = scopes[approvalOf(wait)?.scope ?? ''];
  return (
    <p className="settled" role="status">
      <State of={wait.outcome ?? wait.state} />
      {wait.decidedBy && (
        <>
          {' '}
          by <Words>{wait.decidedBy}</Words>
        </>
      )}
      {wait.decidedAt && (
        <>
          {' '}
          <Time at={wait.decidedAt} />
        </>
      )}
      {scope && <> · {scope}</>}
      {wait.reason && (
        <>
          {' '}
          · <Words>{wait.reason}</Words>
        </>
      )}
    </p>
  );
}

function ChangedTool({ approval }: { approval: ApprovalContent }) {
  if (approval.previousDefinition === null || approval.previousDefinition === undefined) return null;
  return (
    <section className="warning" aria-label="Changed tool">
      <h3>The definition of this tool has changed since it was last allowed</h3>
      <p>Read the difference. What stands there are the words of the tool, not of the console.</p>
      <JsonChanges before={approval.previousDefinition} after={approval.definition} />
    </section>
  );
}

function Reasons({ approval }: { approval: ApprovalContent }) {
  const definition = approval.definition as { source?: string; description?: string } | null;
  return (
    <Facts>
      <Fact name="why">
        {approval.rule ? (
          <>
            rule <code>{approval.rule}</code>
          </>
        ) : (
          'the built-in rule for its risk'
        )}
      </Fact>
      <Fact name="risk">
        <Risk of={approval.risk} />
      </Fact>
      <Fact name="tool">
        <code>{approval.tool}</code> of {definition?.source ?? 'builtin'},{' '}
        {approval.previousDefinition ? 'changed' : 'unchanged'}
        {definition?.description && <Quote by={`the tool ${approval.tool}`}>{definition.description}</Quote>}
      </Fact>
    </Facts>
  );
}

/** Who started the run, in which session, and what was said last. */
function Origin({ wait, isInSession }: { wait: WaitContent; isInSession: boolean }) {
  const run = isInSession ? null : wait.run;
  const said = (run?.tape.nodes ?? []).filter((event) => 'text' in event && event.text !== '').slice(-4);
  return (
    <>
      <Facts>
        <Fact name="who">
          <Words>{wait.startedBy}</Words>, <Time at={wait.requestedAt} prefix="asked " />,{' '}
          <Time at={wait.expiresAt} prefix="expires " />
        </Fact>
        {run && (
          <Fact name="where">
            <Link to="/sessions/$sessionId" params={{ sessionId: run.session.id }}>
              <Words>{run.session.title ?? run.session.key}</Words>
            </Link>{' '}
            ·{' '}
            <Link to="/runs/$runId" params={{ runId: run.id }}>
              tape
            </Link>{' '}
            · {wordOf(run.state).toLowerCase()}
          </Fact>
        )}
        <Fact name="id">
          <Id id={wait.id} />
        </Fact>
      </Facts>
      {said.length > 0 && (
        <section aria-label="Last messages" className="said">
          <h3>Last messages</h3>
          {said.map((event) => (
            <div key={event.id} className="said-line">
              <span className="speaker">{event.actor === 'USER' ? wait.startedBy : 'model'}</span>
              <Quote by={event.actor === 'USER' ? 'the user' : 'the model'}>
                {bothEnds('text' in event ? event.text : '', VALUE_CHARACTERS)}
              </Quote>
            </div>
          ))}
        </section>
      )}
    </>
  );
}
