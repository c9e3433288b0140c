import { type FormEvent, useState } from 'react';
import { messageOf } from '../gateway/accept.ts';
import { client } from '../gateway/connection.ts';
import { useQuery } from '../gateway/use-query.ts';
import {
  ExplainPolicyDocument,
  type ExplainPolicyQuery,
  type GatewayQuery,
  SessionsDocument,
} from '../generated/documents.ts';
import { Risk } from '../parts/state.tsx';
import { Fact, Facts, Words } from '../parts/text.tsx';
import { visibleText } from '../text/visible-text.ts';
import { ValueForm } from '../waiting/value-form.tsx';

type Explanation = ExplainPolicyQuery['explainPolicy'];

const effects = {
  ALLOW: ['✓ would run', 'tone-good'],
  ASK: ['‖ would ask', 'tone-warn'],
  DENY: ['✗ would be denied', 'tone-bad'],
} as const;

/** Asks policy about a call without making it. */
export function PolicyForm({ tools }: { tools: GatewayQuery['tools'] }) {
  const [name, setName] = useState(tools[0]?.name ?? '');
  const [sessionId, setSessionId] = useState('');
  const [input, setInput] = useState<unknown>({});
  const [answer, setAnswer] = useState<Explanation | null>(null);
  const [error, setError] = useState<string | null>(null);
  const sessions =
    useQuery(SessionsDocument, { orderBy: 'LAST_ACTIVITY' }, { isLive: false }).data?.sessions.edges ?? [];
  const session = sessionId === '' ? (sessions[0]?.node.id ?? '') : sessionId;
  const tool = tools.find((each) => each.name === name);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    client.query(ExplainPolicyDocument, { tool: name, input, sessionId: session }).then(
      ({ explainPolicy }) => {
        setAnswer(explainPolicy);
        setError(null);
      },
      (problem: unknown) => setError(messageOf(problem)),
    );
  };
  if (sessions.length === 0)
    return <p className="quiet padded">A policy decides for a session: send a message first.</p>;
  return (
    <form className="form policy" onSubmit={submit}>
      <p className="quiet">Shows what policy decides about a call, and why. The call is not made.</p>
      <label htmlFor="policy-tool">Tool</label>
      <select
        id="policy-tool"
        value={name}
        onChange={({ target }) => {
          setName(target.value);
          setInput({});
          setAnswer(null);
        }}
      >
        {tools.map((each) => (
          <option key={each.name}>{each.name}</option>
        ))}
      </select>
      <label htmlFor="policy-session">Session</label>
      <select id="policy-session" value={session} onChange={({ target }) => setSessionId(target.value)}>
        {sessions.map(({ node }) => (
          <option key={node.id} value={node.id}>
            {visibleText(node.title ?? node.key)}
          </option>
        ))}
      </select>
      <ValueForm key={name} schema={tool?.inputSchema} label="Input" value={input} onChange={setInput} />
      <div className="buttons">
        <button type="submit" className="button primary" disabled={input === undefined}>
          Explain
        </button>
      </div>
      {error !== null && (
        <p role="alert" className="problem">
          {error}
        </p>
      )}
      {answer && <Answer answer={answer} />}
    </form>
  );
}

function Answer({ answer }: { answer: Explanation }) {
  const [text, tone] = effects[answer.effect];
  return (
    <div role="status">
      <Facts>
        <Fact name="the call">
          <b className={tone}>{text}</b>
        </Fact>
        <Fact name="target">
          <Words isStrict>{answer.summary}</Words>
        </Fact>
        <Fact name="why">{answer.reason}</Fact>
        <Fact name="rules">{answer.rules.length === 0 ? 'the built-in default' : answer.rules.join(', ')}</Fact>
        <Fact name="risk">
          <Risk of={answer.risk} />
        </Fact>
        {answer.grant && <Fact name="grant">{answer.grant.target ?? 'for every target'}</Fact>}
        {!answer.inputValid && <Fact name="input">{answer.inputProblem}</Fact>}
      </Facts>
    </div>
  );
}
