import { Link } from '@tanstack/react-router';
import { useQuery } from '../gateway/use-query.ts';
import { AgentRunsDocument } from '../generated/documents.ts';
import { State } from '../parts/state.tsx';
import { Words } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { bothEnds } from '../text/visible-text.ts';

const INPUT_CHARACTERS = 60;

/** The newest runs of an agent, each with the version that it began with. */
export function AgentRuns({ agentId }: { agentId: string }) {
  const { data } = useQuery(AgentRunsDocument, { agentId });
  const runs = data?.runs.nodes ?? [];
  if (runs.length === 0) return null;
  return (
    <section aria-label="Runs of this agent">
      <h3>Newest runs, with their version of the agent</h3>
      <table className="figures-table">
        <tbody>
          {runs.map(({ id, state, input, agentVersion, createdAt }) => (
            <tr key={id}>
              <td className="figures">version {agentVersion}</td>
              <td>
                <State of={state} />
              </td>
              <td>
                <Link to="/runs/$runId" params={{ runId: id }}>
                  <Words>{bothEnds(input, INPUT_CHARACTERS)}</Words>
                </Link>
              </td>
              <td className="figures">
                <Time at={createdAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
