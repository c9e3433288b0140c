import type { GraphqlSocket } from '../../load/graphql-socket.ts';
import { now } from '../../measure/clock.ts';
import { median } from '../../measure/result.ts';
import { promptText } from '../../model/prompt.ts';
import { type ApprovalTiming, approveCall } from '../../systems/approvals.ts';
import { FOLLOW_RUN, newSessionKey, resolveSession, sendAndFollow, sendMessage } from '../../systems/runtape.ts';

/** A turn fills about a tenth of the context window, so that the context of short and long sessions has the same size. */
const TURN_CHARACTERS = 2400;
const text = promptText({ tokens: 1, paceMilliseconds: 0, tokenCharacters: TURN_CHARACTERS });

/** Queued messages of a session. The product allows 64. */
const QUEUED_MESSAGES = 32;

/** Creates a session of ended runs. Returns its key. */
export async function fillSession(client: GraphqlSocket, runs: number): Promise<string> {
  const sessionKey = newSessionKey();
  await disableCompaction(client, sessionKey);
  let remaining = runs;
  const fill = async () => {
    while (remaining > 0) {
      remaining -= 1;
      await sendAndFollow(client, { sessionKey, text });
    }
  };
  await Promise.all(Array.from({ length: Math.min(QUEUED_MESSAGES, runs) }, fill));
  return sessionKey;
}

/** Only long sessions would be compacted, and each compaction costs a model call. */
async function disableCompaction(client: GraphqlSocket, key: string): Promise<void> {
  const input = { sessionId: await resolveSession(client, key), useCompaction: false };
  await client.request('mutation Update($input: UpdateSessionInput!) { updateSession(input: $input) { __typename } }', {
    input,
  });
}

const CONTEXT = 'query Context($id: ID!) { run(id: $id) { contextAt(step: 1) { isExact messages { role } } } }';

export interface SessionCosts {
  /** Milliseconds, medians. */
  append: number;
  run: number;
  resume: number;
  context: number;
  /** Messages in the context of the model. */
  contextMessages: number;
}

/** Measures each operation in the sessions in turn, starting at index `from`. Each round uses others, so that none grows much. */
export async function measureSessions(
  client: GraphqlSocket,
  keys: readonly string[],
  { from, repetitions }: { from: number; repetitions: number },
): Promise<SessionCosts> {
  const appends: number[] = [];
  const runs: number[] = [];
  const contexts: number[] = [];
  const approvals: ApprovalTiming[] = [];
  let contextMessages = 0;
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    const sessionKey = keys[(from + repetition) % keys.length] ?? '';
    const timing = await sendAndFollow(client, { sessionKey, text });
    runs.push(timing.endedAt - timing.sentAt);
    const sentAt = now();
    const { run, cursor } = await sendMessage(client, { sessionKey, text });
    appends.push(now() - sentAt);
    await client.subscribe(FOLLOW_RUN, { runId: run.id, after: cursor }, () => undefined);
    const requestedAt = now();
    const data = await client.request<{ run: { contextAt: { messages: unknown[] } } }>(CONTEXT, { id: run.id });
    contexts.push(now() - requestedAt);
    contextMessages = data.run.contextAt.messages.length;
    approvals.push(await approveCall(client, sessionKey));
  }
  return {
    append: median(appends),
    run: median(runs),
    context: median(contexts),
    contextMessages,
    resume: median(approvals.map(({ nextEvent }) => nextEvent)),
  };
}
