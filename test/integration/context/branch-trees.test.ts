import type { ResultOf } from '@graphql-typed-document-node/core';
import { expect, test } from 'vitest';
import {
  BranchSessionDocument,
  MessagesDocument,
  PurgeSessionDocument,
  ResolveSessionDocument,
} from '../../generated/graphql.ts';
import { converse } from '../conversation.ts';
import { countedTool } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';
import { seededRandom } from '../transport/random.ts';
import { type Copy, cutAt, linesOf, shownBy, type TapedRun, tapeOf } from './copied-sessions.ts';
import { overridingCatalogue } from './overriding-catalogue.ts';
import { branch, contextOf } from './session-operations.ts';

const ROUNDS = 5;
const RUNS_PER_ROUND = 3;
const BRANCHES_PER_ROUND = 2;

const scripts = [
  (name: string) => `/say ${name}`,
  (name: string) => `/say first\n/call count {"word":"${name}"}\n/then\n/say ${name}`,
  (name: string) => `/call count {"word":"${name}"}\n/call count {"word":"b"}\n/then\n/call count {"word":"c"}`,
];

const runsOf = (copies: readonly Copy[]): TapedRun[] => copies.flatMap(({ own }) => own);

/** Starts a gateway with one session, and returns operations on the tree of its branches. */
async function startTree(random: (below: number) => number) {
  const requests: string[][] = [];
  const catalogue = overridingCatalogue(200_000, (inner) => (request, sink, signal) => {
    requests.push(linesOf(request));
    return inner.stream(request, sink, signal);
  });
  const { client } = await startTestGateway({ tools: [countedTool()], catalogue });
  const { resolveSession } = await client.send(ResolveSessionDocument, { input: { key: 'root' } });
  if (resolveSession.__typename !== 'ResolveSessionSuccess') throw new Error(resolveSession.__typename);
  const root: Copy = { id: resolveSession.session.id, key: 'root', generation: 0, children: 0, own: [], seen: [] };
  const copies = [root];
  /** Executes a run, and checks that the model is shown exactly what the copy contains. */
  async function executeRun(copy: Copy, name: string): Promise<void> {
    const text = scripts[random(scripts.length)]?.(name) ?? name;
    const { runId } = await converse(client, { sessionId: copy.id, text });
    // Only the first request of a run ends with its message.
    const first = requests.find((lines) => lines.at(-1) === `user ${text}`);
    expect(first?.slice(0, -1)).toEqual(shownBy(copy));
    const run = await tapeOf(client, runId);
    copy.seen.push({ run, upTo: run.head });
    copy.own.push(run);
  }

  /** Creates a branch at a random event of a random run that the parent sees. */
  async function createBranch(parent: Copy): Promise<void> {
    const index = random(parent.seen.length);
    const [point] = parent.seen.slice(index);
    if (!point) throw new Error(`${parent.key} sees no run.`);
    const { run, upTo } = point;
    // Most events are not messages, so half of the points are chosen at a message or directly before one.
    const { seq: near = 1 } = run.messages[random(run.messages.length)] ?? {};
    const seq = random(2) === 0 ? 1 + random(upTo) : Math.min(upTo, Math.max(1, near - random(2)));
    const [id, key] = ['', `branch ${copies.length}`];
    const seen = [...parent.seen.slice(0, index), { run, upTo: seq === upTo ? upTo : cutAt(run, seq) }];
    const copy: Copy = { id, key, generation: parent.generation + 1, children: 0, own: [], seen };
    copies.push(copy);
    parent.children += 1;
    copy.id = await branch(client, { sessionId: parent.id, runId: run.id, seq, key });
  }

  /** Checks that the conversation of the copy has each message that it contains once, in order. */
  async function expectConversation({ id: sessionId, seen }: Copy): Promise<void> {
    const expected = seen.flatMap(({ run, upTo }) =>
      run.messages.flatMap(({ seq, line, resultOf }) =>
        resultOf === null && seq <= upTo ? `${run.id}/${seq} ${line}` : [],
      ),
    );
    const shown: string[] = [];
    for (let after: string | null = null; ; ) {
      const page: ResultOf<typeof MessagesDocument> = await client.send(MessagesDocument, {
        sessionId,
        first: 3,
        after,
      });
      const { edges = [], pageInfo } = page.session?.messages ?? {};
      for (const { node, cursor } of edges) {
        const author = node.role === 'USER' ? 'user' : 'assistant';
        const calls = node.toolCalls.map(({ callId }) => callId);
        shown.push([Buffer.from(cursor, 'base64url').toString(), author, node.text, ...calls].join(' '));
        expect(node.toolCalls.every(({ state }) => state === 'SUCCEEDED')).toBe(true);
      }
      if (!pageInfo?.hasNextPage) break;
      after = pageInfo.endCursor ?? null;
    }
    expect(shown).toEqual(expected);
  }

  const purge = async ({ id: sessionId, key: confirmKey }: Copy, withBranches = false) =>
    (await client.send(PurgeSessionDocument, { input: { sessionId, confirmKey, withBranches } })).purgeSession;

  return { client, copies, root, executeRun, createBranch, expectConversation, purge };
}

test('B8: in random trees of branches, models are shown what each session would contain if branching copied', async () => {
  const random = seededRandom('trees of branches');
  const { client, copies, root, executeRun, createBranch, expectConversation, purge } = await startTree(random);
  const randomCopy = (): Copy => copies[random(copies.length)] ?? root;
  await executeRun(root, 'seed');
  for (let round = 0; round < ROUNDS; round += 1) {
    const newest = copies.at(-1) ?? root;
    const busy = [...new Set([newest, ...Array.from({ length: RUNS_PER_ROUND - 1 }, randomCopy)])];
    await Promise.all(busy.map((copy, index) => executeRun(copy, `run ${round} ${index}`)));
    // The newest session always gets a branch, so that there are many generations.
    await createBranch(newest);
    for (let branches = 1; branches < BRANCHES_PER_ROUND; branches += 1) await createBranch(randomCopy());
    const parent = randomCopy();
    if (parent.children > 0) expect(await purge(parent)).toMatchObject({ __typename: 'ConflictError' });
    const refusalAt = async (runId: string, seq: number) => {
      const input = { sessionId: newest.id, runId, seq };
      return (await client.send(BranchSessionDocument, { input })).branchSession.__typename;
    };
    for (const { run, upTo } of newest.seen) {
      if (upTo < run.head) expect(await refusalAt(run.id, upTo + 1)).toBe('InvalidInputError');
    }
    const unseen = runsOf(copies).find(({ id }) => newest.seen.every(({ run }) => run.id !== id));
    if (unseen) expect(await refusalAt(unseen.id, 1)).toBe('NotFoundError');
  }
  expect(Math.max(...copies.map(({ generation }) => generation))).toBeGreaterThanOrEqual(3);
  // Purging a branch does not change the others.
  const leaf = copies.find(({ children }) => children === 0) ?? root;
  expect(await purge(leaf)).toMatchObject({ purgedRuns: leaf.own.length });
  const left = copies.filter((copy) => copy !== leaf);
  await Promise.all(left.map((copy, index) => executeRun(copy, `last ${index}`)));
  const unchanged = async ({ id, tape }: TapedRun) => {
    expect((await tapeOf(client, id)).tape).toEqual(tape);
    expect((await contextOf(client, id)).contextAt.isExact).toBe(true);
  };
  await Promise.all(runsOf(left).map(unchanged));
  for (const copy of left) await expectConversation(copy);
  expect(await purge(root, true)).toMatchObject({ purgedRuns: runsOf(left).length });
});
