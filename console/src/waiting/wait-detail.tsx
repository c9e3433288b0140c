import { Link } from '@tanstack/react-router';
import { useQuery } from '../gateway/use-query.ts';
import { useCan } from '../gateway/viewer.ts';
import { WaitDocument, type WaitQuery } from '../generated/documents.ts';
import { Id } from '../parts/copy.tsx';
import { JsonChanges } from '../parts/json-changes.tsx';
import { Risk, State, wordOf } from '../parts/state.tsx';
import { Empty, Problem, Skeleton } from '../parts/status.tsx';
import { Fact, Facts, Quote, Words } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { json } from '../text/figures.ts';
import { bothEnds } from '../text/visible-text.ts';
import { DecisionForm } from './decision-form.tsx';

export type WaitContent = NonNullable<WaitQuery['approval']>;

const VALUE_CHARACTERS = 1_200;

/** What will happen if the call is allowed. */
export function WaitDetail({ id, onDecided }: { id: string; onDecided(id: string): void }) {
  const { data, error } = useQuery(WaitDocument, { id });
  const canApprove = useCan('approve');
  if (error !== null && data === null) return <Problem error={error} />;
  if (data === null) return <Skeleton />;
  const wait = data.approval;
  if (wait === null || wait === undefined) {
    return (
      <Empty title="This wait is not there">
        <p>It may belong to a session that was erased, or to somebody else.</p>
      </Empty>
    );
  }
  const isOpen = wait.status === 'PENDING';
  return (
    <section className="detail" aria-label="What will happen">
      <h2 className="target-title">
        <Words isStrict>{bothEnds(wait.target ?? wait.tool, VALUE_CHARACTERS)}</Words>
      </h2>
      {!isOpen && <Settled wait={wait} />}
      <ChangedTool wait={wait} />
      {isOpen && canApprove ? (
        <DecisionForm wait={wait} onDecided={onDecided} />
      ) : (
        <InputFacts input={wait.editedInput ?? wait.input} />
      )}
      {isOpen && !canApprove && <p className="quiet">Your sign-in may not decide approvals (scope approve).</p>}
      <Reasons wait={wait} />
    </section>
  );
}

/** Members of the input, each in full up to a length, with both ends. */
export function InputFacts({ input }: { input: unknown }) {
  const members = typeof input === 'object' && input !== null ? Object.entries(input) : [['input', input]];
  return (
    <Facts>
      {members.map(([name, value]) => (
        <Fact key={String(name)} name={String(name)}>
          <span className="value">
            <Words isStrict>{bothEnds(typeof value === 'string' ? value : json(value), VALUE_CHARACTERS)}</Words>
          </span>
        </Fact>
      ))}
    </Facts>
  );
}

function Settled({ wait }: { wait: WaitContent }) {
  return (
    <p className="settled" role="status">
      <State of={wait.status} />
      {wait.decidedBy !== null && wait.decidedBy !== undefined && (
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
      {wait.scope && wait.scope !== 'ONCE' && <> · for {wait.scope === 'SESSION' ? 'the session' : 'a time'}</>}
      {wait.reason && (
        <>
          {' '}
          · <Words>{wait.reason}</Words>
        </>
      )}
      {wait.editedInput !== null && wait.editedInput !== undefined && (
        <JsonChanges before={wait.input} after={wait.editedInput} />
      )}
    </p>
  );
}

function ChangedTool({ wait }: { wait: WaitContent }) {
  if (wait.previousDefinition === null || wait.previousDefinition === undefined) return null;
  return (
    <section className="warning" aria-label="Changed tool">
      <h3>The definition of this tool has changed since it was last allowed</h3>
      <p>Read the difference. What stands there are the words of the tool, not of the console.</p>
      <JsonChanges before={wait.previousDefinition} after={wait.definition} />
    </section>
  );
}

function Reasons({ wait }: { wait: WaitContent }) {
  const definition = wait.definition as { source?: string; description?: string; idempotent?: boolean } | null;
  const said = (wait.run?.tape.nodes ?? []).filter((event) => 'text' in event && event.text !== '').slice(-4);
  return (
    <>
      <Facts>
        <Fact name="why">
          {wait.rule ? (
            <>
              rule <code>{wait.rule}</code>
            </>
          ) : (
            'the built-in rule for its risk'
          )}
        </Fact>
        <Fact name="risk">
          <Risk of={wait.risk} />
        </Fact>
        <Fact name="tool">
          <code>{wait.tool}</code> of {definition?.source ?? 'builtin'},{' '}
          {wait.previousDefinition ? 'changed' : 'unchanged'}
          {definition?.description && <Quote by={`the tool ${wait.tool}`}>{definition.description}</Quote>}
        </Fact>
        <Fact name="who">
          <Words>{wait.startedBy}</Words>, <Time at={wait.requestedAt} prefix="asked " />,{' '}
          <Time at={wait.expiresAt} prefix="expires " />
        </Fact>
        {wait.run && (
          <Fact name="where">
            <Link to="/sessions/$sessionId" params={{ sessionId: wait.run.session.id }}>
              <Words>{wait.run.session.title ?? wait.run.session.key}</Words>
            </Link>{' '}
            ·{' '}
            <Link to="/runs/$runId" params={{ runId: wait.run.id }}>
              tape
            </Link>{' '}
            · {wordOf(wait.run.state).toLowerCase()}
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
