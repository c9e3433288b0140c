import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BreakingProxy, startBreakingProxy } from '../postgres/breaking-proxy.ts';
import type { Ledger } from './ledger.ts';
import { launch, listening } from './server.ts';
import type { CampaignStore } from './store.ts';

export const LEASE_SECONDS = 1;
/** How long a server is frozen or cut off: longer than a lease, so that others take over, or shorter, so that nobody does. */
const AWAY_MILLISECONDS = { least: 300, most: 2500 };

const faults = ['kill', 'freeze', 'cut', 'swallow', 'delay'] as const;
export type FaultKind = (typeof faults)[number];

/** Servers on one store, of which now one, now another is struck. */
export interface Fleet extends AsyncDisposable {
  /** Addresses of those that can be asked now. */
  urls(): string[];
  /** Strikes one of them and lets it come back. Resolves when it is there again. */
  strike(random: () => number): Promise<void>;
  struck: Record<FaultKind, number>;
  /** Stops all of them as an operator would. */
  stop(ledger: Ledger): Promise<void>;
}

interface Member {
  child: ChildProcess;
  url: string | null;
  line: BreakingProxy | null;
  databaseUrl: string;
}

/** A file has one server, which can only be killed: nobody else could take over from it. */
export async function startFleet({ url, folder }: CampaignStore, servers: number): Promise<Fleet> {
  const isShared = !url.startsWith('file:');
  const struck: Fleet['struck'] = { kill: 0, freeze: 0, cut: 0, swallow: 0, delay: 0 };
  const launchAt = (databaseUrl: string) => launch({ databaseUrl, folder, leaseSeconds: LEASE_SECONDS });
  const members = await Promise.all(
    Array.from({ length: servers }, async (): Promise<Member> => {
      const line = isShared ? await startBreakingProxy(url) : null;
      const databaseUrl = line?.url ?? url;
      const child = launchAt(databaseUrl);
      return { child, url: await listening(child), line, databaseUrl };
    }),
  );

  async function kill(member: Member): Promise<void> {
    member.url = null;
    member.child.kill('SIGKILL');
    await once(member.child, 'exit');
    member.child = launchAt(member.databaseUrl);
    member.url = await listening(member.child);
  }

  async function strikeOne(kind: FaultKind, member: Member, milliseconds: number): Promise<void> {
    const { child, line } = member;
    struck[kind] += 1;
    if (kind === 'kill' || line === null) return kill(member);
    if (kind === 'freeze') child.kill('SIGSTOP');
    else line[kind]();
    await sleep(milliseconds);
    if (kind === 'freeze') child.kill('SIGCONT');
    else line.heal();
  }

  return {
    struck,
    urls: () => members.flatMap(({ url: address }) => address ?? []),
    async strike(random) {
      const member = members[Math.floor(random() * members.length)];
      const kind = isShared ? faults[Math.floor(random() * faults.length)] : 'kill';
      const { least, most } = AWAY_MILLISECONDS;
      if (member && kind) await strikeOne(kind, member, least + random() * (most - least));
    },
    async stop(ledger) {
      for (const { child } of members) {
        child.kill('SIGTERM');
        if (child.exitCode === null) await once(child, 'exit');
        if (child.exitCode !== 0) ledger.faults.push(`a server ended with ${child.exitCode}`);
      }
    },
    async [Symbol.asyncDispose]() {
      for (const { child, line } of members) {
        child.kill('SIGKILL');
        await line?.[Symbol.asyncDispose]();
      }
    },
  };
}
