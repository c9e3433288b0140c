import { useNavigate, useSearch } from '@tanstack/react-router';
import { Screen } from '../app/screen.tsx';
import { useQuery } from '../gateway/use-query.ts';
import { useCan } from '../gateway/viewer.ts';
import { AgentsDocument } from '../generated/documents.ts';
import { Empty, Problem, Skeleton } from '../parts/status.tsx';
import { Words } from '../parts/text.tsx';
import { AgentForm } from './agent-form.tsx';

const NEW = 'new';

export function AgentsScreen() {
  const { agent: chosen } = useSearch({ from: '/agents' });
  const navigate = useNavigate({ from: '/agents' });
  const { data, error } = useQuery(AgentsDocument, {});
  const canWrite = useCan('write');
  const agents = data?.agents.nodes ?? [];
  const selected = chosen === NEW ? null : (agents.find(({ id }) => id === chosen) ?? agents[0] ?? null);
  const choose = (agent: string | undefined) => void navigate({ search: { agent }, replace: true });
  return (
    <Screen
      title="Agents"
      isFilled
      actions={
        canWrite && (
          <button type="button" className="button" onClick={() => choose(NEW)}>
            New agent
          </button>
        )
      }
    >
      {error !== null && <Problem error={error} />}
      {data === null && error === null && <Skeleton />}
      {data !== null && agents.length === 0 && chosen !== NEW && (
        <Empty title="No agents yet">
          <p>
            An agent is a named configuration: instructions, model, tools and limits. Sessions work without one, too.
          </p>
        </Empty>
      )}
      {data !== null && (selected !== null || chosen === NEW) && (
        <div className="split">
          <ul className="cards" aria-label="Agents">
            {agents.map(({ id, name, model, version, isDefault }) => (
              <li key={id}>
                <button
                  type="button"
                  className="card"
                  aria-current={id === selected?.id ? 'true' : undefined}
                  onClick={() => choose(id)}
                >
                  <span className="card-line">
                    <b>
                      <Words>{name}</Words>
                    </b>
                    {isDefault && <span className="quiet">default</span>}
                  </span>
                  <small>
                    {model} · version {version}
                  </small>
                </button>
              </li>
            ))}
          </ul>
          <AgentForm
            key={selected === null ? NEW : `${selected.id} ${selected.version}`}
            agent={selected}
            models={data.gateway.models}
            tools={data.gateway.tools}
            onDone={choose}
          />
        </div>
      )}
    </Screen>
  );
}
