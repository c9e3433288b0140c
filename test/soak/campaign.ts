import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readConfiguration } from '../../src/config/configuration.ts';
import { createLogger } from '../../src/logger.ts';
import { startGateway } from '../../src/server/gateway.ts';
import { createTestClient } from '../client.ts';
import { RunsDocument } from '../generated/graphql.ts';
import { assertRowsAreFolds } from '../rows-are-folds.ts';
import { check } from './checks.ts';
import { decideSome, keepFollowing, keepTalking, type Place } from './clients.ts';
import { createLedger, type Ledger, seeded } from './ledger.ts';
import { environmentIn, launch, listening } from './server.ts';

export interface CampaignReport {
  seed: number;
  rounds: number;
  runs: number;
  events: number;
  decisions: number;
  resumptions: number;
  repeats: number;
  faults: string[];
}

const TALKERS = 6;
const ROUND_MILLISECONDS = { least: 150, most: 1200 };

/** B48: real clients talk to a real server that is killed at random moments; then everything that they were told is checked. */
export async function crashCampaign(
  rounds: number,
  seed: number,
  log: (line: string) => void,
): Promise<CampaignReport> {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-crash-'));
  const random = seeded(seed);
  const ledger = createLedger();
  const quiet = new AbortController();
  const place: Place = { url: null, quiet: quiet.signal };
  const talkers = Array.from({ length: TALKERS }, (_, index) =>
    keepTalking(place, ledger, seeded(seed + index + 1), `t${index}`),
  );
  const following = keepFollowing(place, ledger);
  try {
    for (let round = 1; round <= rounds; round += 1) {
      const child = launch(folder);
      place.url = await listening(child);
      await sleep(ROUND_MILLISECONDS.least + random() * (ROUND_MILLISECONDS.most - ROUND_MILLISECONDS.least));
      place.url = null;
      child.kill('SIGKILL');
      await once(child, 'exit');
      if (round % 10 === 0) log(`round ${round}: ${ledger.sent.size} messages, ${ledger.decided.size} decisions`);
    }
    quiet.abort();
    await Promise.all(talkers);
    await settle(folder, place, ledger, random, following);
    return await report(folder, rounds, seed, ledger);
  } finally {
    quiet.abort();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Lets one last server finish everything: questions are answered until no run waits or works and every follower is done. */
async function settle(
  folder: string,
  place: Place,
  ledger: Ledger,
  random: () => number,
  following: Promise<void>,
): Promise<void> {
  const child = launch(folder);
  const url = await listening(child);
  place.url = url;
  await using client = createTestClient(url);
  const open = { states: ['PENDING', 'IN_PROGRESS', 'AWAITING_APPROVAL'] } as const;
  for (;;) {
    const { runs } = await client.send(RunsDocument, { first: 1, filter: { states: [...open.states] } });
    if (runs.edges.length === 0) break;
    await decideSome(client, ledger, random);
    await sleep(20);
  }
  await following;
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  if (code !== 0) ledger.faults.push(`the last server ended with ${code}`);
}

async function report(folder: string, rounds: number, seed: number, ledger: Ledger): Promise<CampaignReport> {
  const outcome = readConfiguration({ ...environmentIn(folder), LOG_LEVEL: 'silent' }, () => null);
  if (!outcome.ok) throw new Error(outcome.problems.join('\n'));
  await using gateway = await startGateway(outcome.configuration, createLogger('silent'));
  const faults = await check(gateway, ledger, join(folder, 'effects.log'));
  await assertRowsAreFolds(gateway).catch((error: Error) => faults.push(error.message));
  const { reader } = gateway.parts.database;
  return {
    ...{ seed, rounds, faults },
    runs: await reader.run.count(),
    events: await reader.event.count(),
    decisions: ledger.decided.size,
    resumptions: await reader.event.count({ where: { type: 'resumption' } }),
    repeats: await reader.event.count({
      where: { type: 'approval_request', payload: { contains: 'unknown_outcome' } },
    }),
  };
}
