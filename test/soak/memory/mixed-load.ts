import { createTestClient, type TestClient } from '../../client.ts';
import {
  CancelRunDocument,
  FollowSessionDocument,
  MemoriesDocument,
  RunTapeDocument,
  SessionsDocument,
} from '../../generated/graphql.ts';
import { converse, decideNextApproval, follow, send } from '../../integration/conversation.ts';

/** One action of a user, from start to end. */
type Action = (client: TestClient, sessionKey: string) => Promise<void>;

const short: Action = async (client, sessionKey) => {
  await converse(client, { sessionKey, text: '/words 20' });
};

const long: Action = async (client, sessionKey) => {
  await converse(client, { sessionKey, text: '/words 3000' });
};

const tool: Action = async (client, sessionKey) => {
  await converse(client, { sessionKey, text: '/call clock {}\n/then\n/echo' });
};

const approval: Action = async (client, sessionKey) => {
  const text = `/call memory_save {"text":"${sessionKey} was here"}\n/then\n/echo`;
  const { run } = await send(client, { sessionKey, text });
  await decideNextApproval(client, run.id, Math.random() < 0.5 ? 'ALLOW' : 'DENY');
  await follow(client, run.id);
};

const cancelled: Action = async (client, sessionKey) => {
  const { run } = await send(client, { sessionKey, text: '/pace 20\n/words 200' });
  await client.send(CancelRunDocument, { input: { runId: run.id } });
  await follow(client, run.id);
};

/** A follower that leaves in the middle of a run, and one that follows a session while nothing happens. */
const leaving: Action = async (client, sessionKey) => {
  const { run, session } = await send(client, { sessionKey, text: '/words 200' });
  const idle = client.follow(FollowSessionDocument, { sessionId: session.id, after: null });
  await idle.next();
  await follow(client, run.id, { isLast: ({ type }) => type === 'OUTPUT_DELTA' });
  await idle.return?.();
};

const reading: Action = async (client, sessionKey) => {
  const { run } = await send(client, { sessionKey, text: '/words 50' });
  await follow(client, run.id);
  await client.send(RunTapeDocument, { id: run.id, first: 100 });
  await client.send(SessionsDocument, { first: 50 });
  await client.send(SessionsDocument, { first: 10, filter: { search: 'words' } });
  await client.send(MemoriesDocument, { query: 'here', first: 10 });
};

/** The share of each action. */
const mix: [share: number, action: Action][] = [
  [0.5, short],
  [0.05, long],
  [0.1, tool],
  [0.1, approval],
  [0.05, cancelled],
  [0.1, leaving],
  [0.1, reading],
];

/** Some actions use one of a few sessions that all users share; the others create a session. */
const SHARED_SESSIONS = 20;
const SHARED_SESSION_SHARE = 0.2;
const ACTIONS_PER_CONNECTION = 25;

function chooseAction(): Action {
  let remainder = Math.random();
  for (const [share, action] of mix) {
    remainder -= share;
    if (remainder < 0) return action;
  }
  return short;
}

/** Performs random actions until `isOver`. Returns their number. Rejects when an action fails. */
export async function simulateUser(url: string, user: number, isOver: () => boolean): Promise<number> {
  let actions = 0;
  while (!isOver()) {
    await using client = createTestClient(url);
    for (let count = 0; count < ACTIONS_PER_CONNECTION && !isOver(); count += 1) {
      const isShared = Math.random() < SHARED_SESSION_SHARE;
      const key = isShared ? `shared-${Math.floor(Math.random() * SHARED_SESSIONS)}` : `user-${user}-${actions}`;
      await chooseAction()(client, key);
      actions += 1;
    }
  }
  return actions;
}
