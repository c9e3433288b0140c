import { type Approved, approveOne } from '../../contestants/approvals.ts';
import { FOLLOW, newSessionKey, resolveSession, sendMessage, talk } from '../../contestants/runtape.ts';
import type { GraphqlSocket } from '../../load/graphql-socket.ts';
import { now } from '../../measure/clock.ts';
import { median } from '../../measure/result.ts';
import { promptText } from '../../model/prompt.ts';

/** A turn fills a tenth of the window or so, whatever the session: what is shown is the same in long and short ones. */
const TURN_CHARACTERS = 2400;
const text = promptText({ tokens: 1, pace: 0, width: TURN_CHARACTERS });

/** Messages of one session that may wait; the product's own bound is 64. */
const WAITING = 32;

/** A session of so many ended runs. */
export async function fillSession(client: GraphqlSocket, runs: number): Promise<string> {
  const sessionKey = newSessionKey();
  await keepOriginals(client, sessionKey);
  let left = runs;
  const fill = async () => {
    while (left > 0) {
      left -= 1;
      await talk(client, sessionKey, text, false);
    }
  };
  await Promise.all(Array.from({ length: Math.min(WAITING, runs) }, fill));
  return sessionKey;
}

/** Without summaries, which only long sessions have, and which cost a call of a model. */
async function keepOriginals(client: GraphqlSocket, key: string): Promise<void> {
  const input = { sessionId: await resolveSession(client, key), useCompaction: false };
  await client.ask('mutation Keep($input: UpdateSessionInput!) { updateSession(input: $input) { __typename } }', {
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
  /** Messages that the model was shown. */
  shown: number;
}

/** What it costs to go on in sessions, beginning with the one at `from`: with others in every round, none grows much. */
export async function measureSessions(
  client: GraphqlSocket,
  keys: readonly string[],
  { from, times }: { from: number; times: number },
): Promise<SessionCosts> {
  const appends: number[] = [];
  const runs: number[] = [];
  const contexts: number[] = [];
  const approvals: Approved[] = [];
  let shown = 0;
  for (let time = 0; time < times; time += 1) {
    const sessionKey = keys[(from + time) % keys.length] ?? '';
    const ride = await talk(client, sessionKey, text, false);
    runs.push(ride.endedAt - ride.sentAt);
    const sentAt = now();
    const { run, cursor } = await sendMessage(client, { sessionKey, text });
    appends.push(now() - sentAt);
    await client.follow(FOLLOW, { runId: run.id, after: cursor }, () => undefined);
    const askedAt = now();
    const answer = await client.ask<{ run: { contextAt: { messages: unknown[] } } }>(CONTEXT, { id: run.id });
    contexts.push(now() - askedAt);
    shown = answer.run.contextAt.messages.length;
    approvals.push(await approveOne(client, sessionKey));
  }
  return {
    append: median(appends),
    run: median(runs),
    context: median(contexts),
    shown,
    resume: median(approvals.map(({ nextEvent }) => nextEvent)),
  };
}
