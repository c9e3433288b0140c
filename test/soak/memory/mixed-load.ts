import { createTestClient, type TestClient } from '../../client.ts';
import {
  CancelRunDocument,
  FollowSessionDocument,
  MemoriesDocument,
  RunTapeDocument,
  SessionsDocument,
} from '../../generated/graphql.ts';
import { answerNext, converse, follow, send } from '../../integration/conversation.ts';

/** One thing that a user does, from its beginning to its end. Sessions come and go by the key. */
type Deed = (client: TestClient, sessionKey: string) => Promise<void>;

const short: Deed = async (client, sessionKey) => {
  await converse(client, { sessionKey, text: '/words 20' });
};

const long: Deed = async (client, sessionKey) => {
  await converse(client, { sessionKey, text: '/words 3000' });
};

const tool: Deed = async (client, sessionKey) => {
  await converse(client, { sessionKey, text: '/call clock {}\n/then\n/echo' });
};

const approval: Deed = async (client, sessionKey) => {
  const text = `/call memory_save {"text":"${sessionKey} was here"}\n/then\n/echo`;
  const { run } = await send(client, { sessionKey, text });
  await answerNext(client, run.id, Math.random() < 0.5 ? 'ALLOW' : 'DENY');
  await follow(client, run.id);
};

const cancelled: Deed = async (client, sessionKey) => {
  const { run } = await send(client, { sessionKey, text: '/pace 20\n/words 200' });
  await client.send(CancelRunDocument, { input: { runId: run.id } });
  await follow(client, run.id);
};

/** A follower that leaves in the middle, and one that stays on a session in which nothing happens. */
const leaving: Deed = async (client, sessionKey) => {
  const { run, session } = await send(client, { sessionKey, text: '/words 200' });
  const idle = client.follow(FollowSessionDocument, { sessionId: session.id, after: null });
  await idle.next();
  await follow(client, run.id, { enough: ({ type }) => type === 'OUTPUT_DELTA' });
  await idle.return?.();
};

const reading: Deed = async (client, sessionKey) => {
  const { run } = await send(client, { sessionKey, text: '/words 50' });
  await follow(client, run.id);
  await client.send(RunTapeDocument, { id: run.id, first: 100 });
  await client.send(SessionsDocument, { first: 50 });
  await client.send(SessionsDocument, { first: 10, filter: { search: 'words' } });
  await client.send(MemoriesDocument, { query: 'here', first: 10 });
};

/** How often each of them is done, of all deeds. */
const mix: [share: number, deed: Deed][] = [
  [0.5, short],
  [0.05, long],
  [0.1, tool],
  [0.1, approval],
  [0.05, cancelled],
  [0.1, leaving],
  [0.1, reading],
];

/** Every so often a user goes on in a session that many share instead of beginning one. */
const SHARED_SESSIONS = 20;
const SHARED = 0.2;
/** After so many deeds a user comes back with a new connection. */
const DEEDS_PER_CONNECTION = 25;

function chooseDeed(): Deed {
  let left = Math.random();
  for (const [share, deed] of mix) {
    left -= share;
    if (left < 0) return deed;
  }
  return short;
}

/** One user who is busy until the time is over. Returns how many deeds were done; what fails ends the soak. */
export async function keepBusy(url: string, user: number, isOver: () => boolean): Promise<number> {
  let deeds = 0;
  while (!isOver()) {
    await using client = createTestClient(url);
    for (let count = 0; count < DEEDS_PER_CONNECTION && !isOver(); count += 1) {
      const isShared = Math.random() < SHARED;
      const key = isShared ? `shared-${Math.floor(Math.random() * SHARED_SESSIONS)}` : `user-${user}-${deeds}`;
      await chooseDeed()(client, key);
      deeds += 1;
    }
  }
  return deeds;
}
