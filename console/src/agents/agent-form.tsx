import { type FormEvent, useState } from 'react';
import { accept } from '../gateway/accept.ts';
import { client } from '../gateway/connection.ts';
import { useAction } from '../gateway/use-action.ts';
import { useCan } from '../gateway/viewer.ts';
import {
  type AgentItemFragment,
  CreateAgentDocument,
  DeleteAgentDocument,
  UpdateAgentDocument,
} from '../generated/documents.ts';
import { JsonInput } from '../parts/json-input.tsx';
import { Time } from '../parts/time.tsx';
import { AgentLimits, type LimitTexts, limitsOf, textsOf } from './agent-limits.tsx';
import { AgentRuns } from './agent-runs.tsx';
import { AgentVersions } from './agent-versions.tsx';

interface AgentFormProps {
  /** Null for a new one. */
  agent: AgentItemFragment | null;
  models: readonly string[];
  tools: readonly string[];
  onDone(agentId: string | undefined): void;
}

/** Creates an agent, or changes one: each change is a new version, and runs keep the version that they began with. */
export function AgentForm({ agent, models, tools, onDone }: AgentFormProps) {
  const [name, setName] = useState(agent?.name ?? '');
  const [instructions, setInstructions] = useState(agent?.instructions ?? '');
  const [model, setModel] = useState(agent?.model ?? models[0] ?? '');
  const [chosen, setChosen] = useState<readonly string[]>(agent?.tools ?? tools);
  const [isDefault, setDefault] = useState(agent?.isDefault ?? false);
  const [limits, setLimits] = useState<LimitTexts>(() => textsOf(agent?.limits ?? null));
  const [schema, setSchema] = useState<unknown>(agent?.outputSchema ?? undefined);
  const [isSchemaReadable, setSchemaReadable] = useState(true);
  const { isBusy, error, run } = useAction();
  const canWrite = useCan('write') && agent?.isConfigured !== true;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    // What is not sent stays as it is: an agent without a list of tools has all of them, those of the future too.
    const input = {
      name,
      instructions,
      model: model === agent?.model ? undefined : model,
      tools: isSameList(chosen, agent?.tools ?? tools) ? undefined : [...chosen],
      makeDefault: isDefault,
      limits: limitsOf(limits),
      // An empty one makes the results text again.
      outputSchema: schema ?? {},
    };
    run(async () => {
      if (agent === null) {
        const created = { ...input, model, outputSchema: schema, idempotencyKey: crypto.randomUUID() };
        accept((await client.query(CreateAgentDocument, { input: created })).createAgent);
        onDone(undefined);
      } else accept((await client.query(UpdateAgentDocument, { input: { ...input, agentId: agent.id } })).updateAgent);
    });
  };
  const remove = () =>
    agent !== null &&
    run(async () => {
      accept((await client.query(DeleteAgentDocument, { input: { agentId: agent.id } })).deleteAgent);
      onDone(undefined);
    });
  return (
    <form className="detail form" onSubmit={submit}>
      <h2>{agent === null ? 'New agent' : `Version ${agent.version}`}</h2>
      {agent !== null && <AboutVersion agent={agent} />}
      <label htmlFor="agent-name">Name</label>
      <input
        id="agent-name"
        value={name}
        onChange={({ target }) => setName(target.value)}
        disabled={!canWrite}
        required
      />
      <label htmlFor="agent-instructions">Instructions</label>
      <textarea
        id="agent-instructions"
        rows={10}
        value={instructions}
        onChange={({ target }) => setInstructions(target.value)}
        disabled={!canWrite}
        required
      />
      <label htmlFor="agent-model">Model</label>
      <select id="agent-model" value={model} onChange={({ target }) => setModel(target.value)} disabled={!canWrite}>
        {[...new Set([...models, model])].map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
      <Tools tools={tools} chosen={chosen} onChange={setChosen} isDisabled={!canWrite} />
      <AgentLimits texts={limits} onChange={setLimits} isDisabled={!canWrite} />
      <JsonInput
        label="JSON Schema of the results (empty: results are text)"
        value={schema}
        isDisabled={!canWrite}
        onChange={(value, isEmpty) => {
          setSchema(value);
          setSchemaReadable(isEmpty || value !== undefined);
        }}
      />
      <label className="check">
        <input
          type="checkbox"
          checked={isDefault}
          disabled={!canWrite || agent?.isDefault === true}
          onChange={({ target }) => setDefault(target.checked)}
        />{' '}
        used where a message names no agent
      </label>
      {error !== null && (
        <p role="alert" className="problem">
          {error}
        </p>
      )}
      {canWrite && (
        <div className="buttons">
          <button type="submit" className="button primary" disabled={isBusy || !isSchemaReadable}>
            {agent === null ? 'Create' : 'Save as a new version'}
          </button>
          {agent !== null && (
            <button type="button" className="button danger" disabled={isBusy} onClick={remove}>
              Delete
            </button>
          )}
        </div>
      )}
      {agent !== null && (
        <>
          <AgentVersions agentId={agent.id} />
          <AgentRuns agentId={agent.id} />
        </>
      )}
    </form>
  );
}

const isSameList = (one: readonly string[], other: readonly string[]) =>
  one.length === other.length && one.every((item) => other.includes(item));

function AboutVersion({ agent: { updatedAt, isConfigured } }: { agent: AgentItemFragment }) {
  return (
    <p className="quiet">
      <Time at={updatedAt} prefix="changed " />.{' '}
      {isConfigured
        ? 'The configuration file of the gateway defines this agent: change it there.'
        : 'A change makes a new version; runs keep the one they began with.'}
    </p>
  );
}

interface ToolsProps {
  tools: readonly string[];
  chosen: readonly string[];
  onChange(chosen: readonly string[]): void;
  isDisabled: boolean;
}

function Tools({ tools, chosen, onChange, isDisabled }: ToolsProps) {
  const all = [...new Set([...tools, ...chosen])];
  return (
    <fieldset>
      <legend>Tools</legend>
      <div className="checks">
        {all.map((tool) => (
          <label key={tool} className="check">
            <input
              type="checkbox"
              disabled={isDisabled}
              checked={chosen.includes(tool)}
              onChange={({ target }) =>
                onChange(target.checked ? [...chosen, tool] : chosen.filter((other) => other !== tool))
              }
            />{' '}
            <code>{tool}</code>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
