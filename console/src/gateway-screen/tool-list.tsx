import { accept } from '../gateway/accept.ts';
import { client } from '../gateway/connection.ts';
import { useAction } from '../gateway/use-action.ts';
import { useCan } from '../gateway/viewer.ts';
import { AcceptToolDocument, type GatewayQuery } from '../generated/documents.ts';
import { JsonChanges } from '../parts/json-changes.tsx';
import { JsonView } from '../parts/json-view.tsx';
import { Risk } from '../parts/state.tsx';
import { Empty } from '../parts/status.tsx';
import { Quote } from '../parts/text.tsx';

type Tool = GatewayQuery['tools'][number];

/** Changed tools stand first and are open. */
export function ToolList({ tools }: { tools: readonly Tool[] }) {
  if (tools.length === 0) {
    return (
      <Empty title="No tools">
        <p>Agents of this gateway can only write text.</p>
      </Empty>
    );
  }
  const ordered = [...tools].sort((a, b) => Number(b.quarantined) - Number(a.quarantined));
  return (
    <div className="tools">
      {ordered.map((tool) => (
        <ToolCard key={`${tool.source} ${tool.name}`} tool={tool} />
      ))}
    </div>
  );
}

function ToolCard({ tool }: { tool: Tool }) {
  const { name, source, risk, idempotent, description, inputSchema, quarantined, previousDefinition } = tool;
  return (
    <details className="section" open={quarantined}>
      <summary>
        <Risk of={risk} /> <b>{name}</b> <span className="quiet">{source}</span>
        {idempotent && <span className="quiet"> · idempotent</span>}
        {quarantined && <span className="tone-bad"> · changed, every call asks</span>}
      </summary>
      <Quote by={`the tool ${name}`}>{description}</Quote>
      {quarantined && (
        <>
          <h3>What changed</h3>
          <JsonChanges
            before={previousDefinition}
            after={{ source, name, description, inputSchema, risk, idempotent }}
          />
          <Accept tool={tool} />
        </>
      )}
      <h3>input schema</h3>
      <JsonView value={inputSchema} />
    </details>
  );
}

function Accept({ tool: { name, definitionHash } }: { tool: Tool }) {
  const { isBusy, error, run } = useAction();
  const canAcceptAny = useCan('approve:any');
  const isAdmin = useCan('admin');
  const canAccept = canAcceptAny || isAdmin;
  if (!canAccept) return <p className="quiet">Somebody with the scope approve:any or admin can accept it.</p>;
  return (
    <div className="buttons">
      <button
        type="button"
        className="button"
        disabled={isBusy}
        onClick={() =>
          run(async () => {
            accept((await client.query(AcceptToolDocument, { input: { name, definitionHash } })).acceptTool);
          })
        }
      >
        Accept the change
      </button>
      {error !== null && <span role="alert">{error}</span>}
    </div>
  );
}
