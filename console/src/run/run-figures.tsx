import { Link } from '@tanstack/react-router';
import type { RunPageQuery } from '../generated/documents.ts';
import { Id } from '../parts/copy.tsx';
import { State } from '../parts/state.tsx';
import { Words } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { cost, tokens } from '../text/figures.ts';
import { duration } from '../text/time.ts';

export type RunContent = NonNullable<RunPageQuery['run']>;

/** The run in one line. */
export function RunFigures({ run }: { run: RunContent }) {
  const { state, session, usage, steps, createdAt, endedAt, model, agent, agentVersion, resumptions, error } = run;
  const [wait] = run.pendingWaits;
  return (
    <div className="run-figures">
      <State of={state} />
      {wait && (
        <Link to="/waiting/{-$waitId}" params={{ waitId: wait.id }}>
          decide
        </Link>
      )}
      <Id id={run.id} />
      {endedAt ? (
        <span title="From the message to the end">{duration(Date.parse(endedAt) - Date.parse(createdAt))}</span>
      ) : (
        <Time at={createdAt} prefix="began " />
      )}
      <span>
        {steps} {steps === 1 ? 'step' : 'steps'}
      </span>
      <span>{tokens(usage)}</span>
      {usage.cost !== null && <span title="In the currency of the catalogue">{cost(usage.cost)}</span>}
      {model && <span>{model}</span>}
      {agent && (
        <span>
          {agent.name} v{agentVersion}
        </span>
      )}
      {resumptions > 0 && <span>{resumptions} resumptions</span>}
      <Link to="/sessions/$sessionId" params={{ sessionId: session.id }}>
        <Words>{session.title ?? session.key}</Words>
      </Link>
      {error && (
        <p className="problem" role="alert">
          <b>{error.code}</b> <Words>{error.message}</Words>
        </p>
      )}
    </div>
  );
}
