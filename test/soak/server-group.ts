import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BreakingProxy, startBreakingProxy } from '../postgres/breaking-proxy.ts';
import type { CampaignStore } from './campaign-store.ts';
import { launch, untilListening } from './launch.ts';
import type { Observations } from './observations.ts';

export const LEASE_SECONDS = 1;
/** How long a server stays frozen or cut off: sometimes longer than a lease, so that others take over, sometimes shorter. */
const FAULT_MILLISECONDS = { least: 300, most: 2500 };

const faultKinds = ['kill', 'freeze', 'cut', 'swallow', 'delay'] as const;
export type FaultKind = (typeof faultKinds)[number];

/** Servers on one database, into which faults are injected. */
export interface ServerGroup extends AsyncDisposable {
  /** URLs of the servers that currently run. */
  urls(): string[];
  /** Injects a random fault into a random server. Resolves when the server has recovered. */
  injectFault(random: () => number): Promise<void>;
  faultCounts: Record<FaultKind, number>;
  /** Stops all servers with SIGTERM, and records an exit code other than 0 as a problem. */
  stop(observations: Observations): Promise<void>;
}

interface Member {
  child: ChildProcess;
  url: string | null;
  proxy: BreakingProxy | null;
  databaseUrl: string;
}

/** On SQLite there is one server, and the only fault is a kill: no other server could take over. */
export async function startServerGroup({ url, folder }: CampaignStore, servers: number): Promise<ServerGroup> {
  const isShared = !url.startsWith('file:');
  const faultCounts: ServerGroup['faultCounts'] = { kill: 0, freeze: 0, cut: 0, swallow: 0, delay: 0 };
  const launchAt = (databaseUrl: string) => launch({ databaseUrl, folder, leaseSeconds: LEASE_SECONDS });
  const members = await Promise.all(
    Array.from({ length: servers }, async (): Promise<Member> => {
      const proxy = isShared ? await startBreakingProxy(url) : null;
      const databaseUrl = proxy?.url ?? url;
      const child = launchAt(databaseUrl);
      return { child, url: await untilListening(child), proxy, databaseUrl };
    }),
  );

  async function kill(member: Member): Promise<void> {
    member.url = null;
    member.child.kill('SIGKILL');
    await once(member.child, 'exit');
    member.child = launchAt(member.databaseUrl);
    member.url = await untilListening(member.child);
  }

  async function inject(kind: FaultKind, member: Member, milliseconds: number): Promise<void> {
    const { child, proxy } = member;
    faultCounts[kind] += 1;
    if (kind === 'kill' || proxy === null) return kill(member);
    if (kind === 'freeze') child.kill('SIGSTOP');
    else proxy[kind]();
    await sleep(milliseconds);
    if (kind === 'freeze') child.kill('SIGCONT');
    else proxy.heal();
  }

  return {
    faultCounts,
    urls: () => members.flatMap(({ url: address }) => address ?? []),
    async injectFault(random) {
      const member = members[Math.floor(random() * members.length)];
      const kind = isShared ? faultKinds[Math.floor(random() * faultKinds.length)] : 'kill';
      const { least, most } = FAULT_MILLISECONDS;
      if (member && kind) await inject(kind, member, least + random() * (most - least));
    },
    async stop(observations) {
      for (const { child } of members) {
        child.kill('SIGTERM');
        if (child.exitCode === null) await once(child, 'exit');
        if (child.exitCode !== 0) observations.problems.push(`a server ended with ${child.exitCode}`);
      }
    },
    async [Symbol.asyncDispose]() {
      for (const { child, proxy } of members) {
        child.kill('SIGKILL');
        await proxy?.[Symbol.asyncDispose]();
      }
    },
  };
}
