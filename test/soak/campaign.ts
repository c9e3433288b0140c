import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readConfiguration } from '../../src/config/configuration.ts';
import { createLogger } from '../../src/logger.ts';
import { type Gateway, startGateway } from '../../src/server/gateway.ts';
import { createTestClient } from '../client.ts';
import { type RunFilter, RunsDocument } from '../generated/graphql.ts';
import { assertRowsAreFolds } from '../projection-consistency.ts';
import { poll } from '../until.ts';
import type { CampaignStore } from './campaign-store.ts';
import { budgetProblems, checkObservations } from './checks.ts';
import { createBudgetedAgent, followRuns, type Servers, sendRequests } from './clients.ts';
import { environmentOf } from './launch.ts';
import { createObservations, type Observations, seeded } from './observations.ts';
import { LEASE_SECONDS, type ServerGroup, startServerGroup } from './server-group.ts';
import { settleSome } from './settle-waits.ts';

export interface CampaignReport {
  seed: number;
  rounds: number;
  servers: number;
  faultCounts: ServerGroup['faultCounts'];
  runs: number;
  events: number;
  /** Waits by kind and outcome; questions of MCP servers as ELICITATION. */
  waits: Record<string, number>;
  resumptions: number;
  /** Approvals that asked whether an interrupted call may run again. */
  repeats: number;
  /** The longest time between a `resumption` event and the event before it. */
  longestTakeoverMilliseconds: number;
  problems: string[];
}

export interface CampaignPlan {
  store: CampaignStore;
  servers: number;
  rounds: number;
  seed: number;
  log(line: string): void;
}

const CLIENTS = 6;
const ROUND_MILLISECONDS = { least: 150, most: 2000 };
/** On a slow machine a round lasts longer: a server that has just started does nothing yet that a fault could break. */
const ROUND_REQUESTS = 8;

/**
 * B48, B50: clients use real servers while faults are injected into one server at a time: it is killed or, if there are others
 * to take over, frozen or cut off from the database. Then everything that the clients observed is checked.
 */
export async function crashCampaign({ store, servers, rounds, seed, log }: CampaignPlan): Promise<CampaignReport> {
  const random = seeded(seed);
  const observations = createObservations();
  const stopping = new AbortController();
  const group = await startServerGroup(store, servers);
  const target: Servers = {
    pickUrl: () => randomUrl(group.urls()),
    stopSignal: stopping.signal,
    budgetedAgentId: await createBudgetedAgent(group.urls()[0] ?? ''),
  };
  const clients = Array.from({ length: CLIENTS }, (_, index) =>
    sendRequests(target, observations, seeded(seed + index + 1), `client${index}`),
  );
  const following = followRuns(target, observations);
  try {
    const acknowledged = () => observations.sent.size + observations.settled.size;
    for (let round = 1; round <= rounds; round += 1) {
      const goal = acknowledged() + ROUND_REQUESTS;
      await sleep(ROUND_MILLISECONDS.least + random() * (ROUND_MILLISECONDS.most - ROUND_MILLISECONDS.least));
      await poll(() => acknowledged() >= goal, { description: 'acknowledged requests', seconds: 60 });
      await group.injectFault(random);
      if (round % 10 === 0)
        log(`round ${round}: ${observations.sent.size} messages, ${observations.settled.size} settled waits`);
    }
    stopping.abort();
    await Promise.all(clients);
    await settleRuns(target, observations, random);
    await following;
    await group.stop(observations);
    return { seed, rounds, servers, faultCounts: group.faultCounts, ...(await createReport(store, observations)) };
  } finally {
    stopping.abort();
    await group[Symbol.asyncDispose]();
  }
}

/** Not seeded: the order of requests depends on the machine in any case. */
function randomUrl(urls: string[]): string | null {
  return urls[Math.floor(Math.random() * urls.length)] ?? null;
}

/** Settles waits until every run has ended. */
async function settleRuns(target: Servers, observations: Observations, random: () => number): Promise<void> {
  const filter: RunFilter = { states: ['PENDING', 'IN_PROGRESS', 'AWAITING_APPROVAL'] };
  await using client = createTestClient(target.pickUrl() ?? '');
  let open: string[] = [];
  const isSettled = async () => {
    const { runs } = await client.send(RunsDocument, { first: 20, filter });
    open = runs.edges.map(({ node }) => `${node.id} ${node.state}`);
    if (open.length === 0) return true;
    await settleSome(client, observations, random);
    return false;
  };
  await poll(isSettled, {
    description: () => `the end of all runs, of which are open: ${open.join(', ')}`,
    seconds: 120,
  });
}

async function createReport({ url, folder }: CampaignStore, observations: Observations) {
  const variables = environmentOf({ databaseUrl: url, folder, leaseSeconds: LEASE_SECONDS });
  const outcome = readConfiguration({ ...variables, LOG_LEVEL: 'silent' }, () => null);
  if (!outcome.ok) throw new Error(outcome.problems.join('\n'));
  await using gateway = await startGateway(outcome.configuration, createLogger('silent'));
  const problems = await checkObservations(gateway, observations, join(folder, 'executions.log'));
  problems.push(...(await budgetProblems(gateway)));
  await assertRowsAreFolds(gateway).catch((error: Error) => problems.push(error.message));
  const { reader } = gateway.parts.database;
  return {
    problems,
    runs: await reader.run.count(),
    events: await reader.event.count(),
    waits: await countWaits(gateway),
    resumptions: await reader.event.count({ where: { type: 'resumption' } }),
    longestTakeoverMilliseconds: await longestTakeover(gateway),
    repeats: await reader.event.count({
      where: { type: 'approval_request', payload: { contains: 'unknown_outcome' } },
    }),
  };
}

async function countWaits({ parts }: Gateway): Promise<Record<string, number>> {
  const rows = await parts.database.reader.wait.findMany({ select: { kind: true, status: true, tool: true } });
  const counts: Record<string, number> = {};
  for (const { kind, status, tool } of rows) {
    const name = kind === 'QUESTION' && tool !== 'ask_person' ? 'ELICITATION' : kind;
    counts[`${name} ${status}`] = (counts[`${name} ${status}`] ?? 0) + 1;
  }
  return Object.fromEntries(Object.entries(counts).sort());
}

async function longestTakeover({ parts }: Gateway): Promise<number> {
  const resumptions = await parts.database.reader.event.findMany({
    where: { type: 'resumption' },
    select: { runId: true, seq: true, recordedAt: true },
  });
  const times = resumptions.map(async ({ runId, seq, recordedAt }) => {
    const [before] = await parts.journal.readBack(runId, { before: seq, limit: 1 });
    return Number(recordedAt) - (before?.recordedAt ?? 0);
  });
  return Math.max(0, ...(await Promise.all(times)));
}
