import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readConfiguration } from '../../src/config/configuration.ts';
import { createLogger } from '../../src/logger.ts';
import { type Gateway, startGateway } from '../../src/server/gateway.ts';
import { createTestClient } from '../client.ts';
import { RunsDocument } from '../generated/graphql.ts';
import { assertRowsAreFolds } from '../projection-consistency.ts';
import { check } from './checks.ts';
import { decideSome, keepFollowing, keepTalking, type Place } from './clients.ts';
import { type Fleet, LEASE_SECONDS, startFleet } from './fleet.ts';
import { createLedger, type Ledger, seeded } from './ledger.ts';
import { environmentOf } from './server.ts';
import type { CampaignStore } from './store.ts';

export interface CampaignReport {
  seed: number;
  rounds: number;
  servers: number;
  struck: Fleet['struck'];
  runs: number;
  events: number;
  decisions: number;
  resumptions: number;
  repeats: number;
  /** Longest time that a run stood still before it was taken over. */
  longestTakeOverMilliseconds: number;
  faults: string[];
}

export interface CampaignPlan {
  store: CampaignStore;
  servers: number;
  rounds: number;
  seed: number;
  log(line: string): void;
}

const TALKERS = 6;
const ROUND_MILLISECONDS = { least: 150, most: 1200 };

/**
 * B48, B50: real clients talk to real servers, one of which fails at random moments: killed, and where there are others to
 * take over frozen or cut off as well. Then everything that the clients were told is checked.
 */
export async function crashCampaign({ store, servers, rounds, seed, log }: CampaignPlan): Promise<CampaignReport> {
  const random = seeded(seed);
  const ledger = createLedger();
  const quiet = new AbortController();
  const fleet = await startFleet(store, servers);
  const place: Place = { pick: () => pickOf(fleet.urls()), quiet: quiet.signal };
  const talkers = Array.from({ length: TALKERS }, (_, index) =>
    keepTalking(place, ledger, seeded(seed + index + 1), `t${index}`),
  );
  const following = keepFollowing(place, ledger);
  try {
    for (let round = 1; round <= rounds; round += 1) {
      await sleep(ROUND_MILLISECONDS.least + random() * (ROUND_MILLISECONDS.most - ROUND_MILLISECONDS.least));
      await fleet.strike(random);
      if (round % 10 === 0) log(`round ${round}: ${ledger.sent.size} messages, ${ledger.decided.size} decisions`);
    }
    quiet.abort();
    await Promise.all(talkers);
    await settle(place, ledger, random);
    await following;
    await fleet.stop(ledger);
    return { seed, rounds, servers, struck: fleet.struck, ...(await report(store, ledger)) };
  } finally {
    quiet.abort();
    await fleet[Symbol.asyncDispose]();
  }
}

/** Not by the seed: who asks when depends on the machine anyway. */
function pickOf(urls: string[]): string | null {
  return urls[Math.floor(Math.random() * urls.length)] ?? null;
}

/** Answers questions until no run waits or works. */
async function settle(place: Place, ledger: Ledger, random: () => number): Promise<void> {
  const open = { states: ['PENDING', 'IN_PROGRESS', 'AWAITING_APPROVAL'] } as const;
  await using client = createTestClient(place.pick() ?? '');
  for (;;) {
    const { runs } = await client.send(RunsDocument, { first: 1, filter: { states: [...open.states] } });
    if (runs.edges.length === 0) return;
    await decideSome(client, ledger, random);
    await sleep(20);
  }
}

async function report({ url, folder }: CampaignStore, ledger: Ledger) {
  const variables = environmentOf({ databaseUrl: url, folder, leaseSeconds: LEASE_SECONDS });
  const outcome = readConfiguration({ ...variables, LOG_LEVEL: 'silent' }, () => null);
  if (!outcome.ok) throw new Error(outcome.problems.join('\n'));
  await using gateway = await startGateway(outcome.configuration, createLogger('silent'));
  const faults = await check(gateway, ledger, join(folder, 'effects.log'));
  await assertRowsAreFolds(gateway).catch((error: Error) => faults.push(error.message));
  const { reader } = gateway.parts.database;
  return {
    faults,
    runs: await reader.run.count(),
    events: await reader.event.count(),
    decisions: ledger.decided.size,
    resumptions: await reader.event.count({ where: { type: 'resumption' } }),
    longestTakeOverMilliseconds: await longestTakeOver(gateway),
    repeats: await reader.event.count({
      where: { type: 'approval_request', payload: { contains: 'unknown_outcome' } },
    }),
  };
}

async function longestTakeOver({ parts }: Gateway): Promise<number> {
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
