import { useState } from 'react';
import { useQuery } from '../gateway/use-query.ts';
import { ContextAtDocument, type ContextAtQuery, EventDetailDocument } from '../generated/documents.ts';
import { JsonChanges } from '../parts/json-changes.tsx';
import { Problem, Skeleton } from '../parts/status.tsx';
import { Fact, Facts, Quote } from '../parts/text.tsx';
import { count } from '../text/figures.ts';
import { bothEnds, visibleText } from '../text/visible-text.ts';

const TEXT_CHARACTERS = 2_000;

type Context = NonNullable<NonNullable<ContextAtQuery['run']>['contextAt']>;

/** The request that a step sent to the model, rebuilt from the tape. */
export function ModelSaw({ runId, step, contextSeq }: RequestProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details className="section" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>What the model saw, step {step}</summary>
      {isOpen && <Request runId={runId} step={step} contextSeq={contextSeq} />}
    </details>
  );
}

/** The scores with which the memories were chosen. They are on the tape. */
function useScores(runId: string, contextSeq: number): ReadonlyMap<string, number> {
  const { data } = useQuery(EventDetailDocument, { id: `${runId}:${contextSeq}` }, { isLive: false });
  const node = data?.node;
  const payload = (node && 'payload' in node ? node.payload : null) as {
    memories?: { id: string; score: number }[];
  } | null;
  return new Map((payload?.memories ?? []).map(({ id, score }) => [id, score]));
}

interface RequestProps {
  runId: string;
  step: number;
  /** Position of the event that recorded the request. */
  contextSeq: number;
}

function Request({ runId, step, contextSeq }: RequestProps) {
  const scores = useScores(runId, contextSeq);
  const { data, error } = useQuery(ContextAtDocument, { id: runId, step }, { isLive: false });
  const context = data?.run?.contextAt;
  if (error !== null) return <Problem error={error} />;
  if (data === null) return <Skeleton rows={3} />;
  if (!context) return <p className="quiet">This step was not recorded with a context.</p>;
  return (
    <>
      <Facts>
        <Fact name="rebuilt">
          {context.isExact ? (
            <span className="tone-good">✓ exact</span>
          ) : (
            <span className="tone-warn">
              not exact: {visibleText(context.missing.join(', ') || 'the hash differs')}
            </span>
          )}{' '}
          <code title={context.requestHash}>{context.requestHash.slice(0, 12)}…</code>
        </Fact>
        <Fact name="model">{context.model}</Fact>
        <Fact name="tools">{context.tools.length === 0 ? '–' : context.tools.join(', ')}</Fact>
        <Fact name="memories">
          {context.memories.length === 0 ? (
            '–'
          ) : (
            <ul className="plain-list">
              {context.memories.map(({ id, text }) => (
                <li key={id}>
                  <span className="figures quiet" title="Score with which it was found">
                    {scores.get(id)?.toFixed(2) ?? '–'}
                  </span>{' '}
                  {visibleText(text)}
                </li>
              ))}
            </ul>
          )}
        </Fact>
      </Facts>
      <h3>instructions</h3>
      <Quote by="the agent's instructions">{context.instructions}</Quote>
      {context.compaction && (
        <>
          <h3>summary of older messages</h3>
          <Quote by="a model">{context.compaction.summary}</Quote>
        </>
      )}
      <Messages messages={context.messages} />
      {step > 1 && <Difference runId={runId} context={context} />}
    </>
  );
}

function Messages({ messages }: { messages: Context['messages'] }) {
  return (
    <>
      <h3>{count(messages.length)} messages</h3>
      {messages.map(({ role, text, runId, seq, tool, toolCalls }) => (
        <div key={`${runId}:${seq}:${role}`} className="said-line">
          <span className="speaker">{tool ?? role.toLowerCase()}</span>
          <Quote by={role.toLowerCase()}>
            {bothEnds(text === '' && toolCalls.length > 0 ? `(${toolCalls.length} tool calls)` : text, TEXT_CHARACTERS)}
          </Quote>
        </div>
      ))}
    </>
  );
}

const comparable = ({ model, instructions, tools, memories, messages }: Context) => ({
  model,
  instructions,
  tools,
  memories: memories.map(({ text }) => text),
  messages: messages.map(({ role, text, tool }) => `${tool ?? role}: ${text}`),
});

function Difference({ runId, context }: { runId: string; context: Context }) {
  const { data } = useQuery(ContextAtDocument, { id: runId, step: context.step - 1 }, { isLive: false });
  const before = data?.run?.contextAt;
  if (!before) return null;
  return (
    <>
      <h3>difference to step {context.step - 1}</h3>
      <JsonChanges before={comparable(before)} after={comparable(context)} />
    </>
  );
}
