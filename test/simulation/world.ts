import { ANSWER_BYTES } from '../../src/config/limits.ts';
import type { Budget } from '../../src/domain/budget.ts';
import { type Clients, createClients } from './clients.ts';
import { connect, type Faults } from './connection.ts';
import { type ClockSkew, createHost, type Host, START } from './host.ts';
import { createInvariants, type Invariants } from './invariants.ts';
import { createNetwork, type Network } from './network.ts';
import type { Activity } from './outside.ts';
import { createRandom, type Random } from './random.ts';
import { type SimulatedServer, startServer } from './server.ts';
import type { Store } from './store.ts';
import { createTimeline, type Timeline } from './timeline.ts';

/** Everything that one schedule takes place in. */
export interface World {
  timeline: Timeline;
  random: Random;
  faults: Faults;
  network: Network;
  invariants: Invariants;
  clients: Clients;
  slots: readonly ServerSlot[];
  /** Whether some messages kill every server that answers them. */
  hasPoison: boolean;
  trace(line: string): void;
  /** To call after every step. */
  checkStep(): void;
  /** From now on models and tools answer soon and do not fail. */
  endTrouble(): void;
}

/** One server at a time: the successor of a process has another holder and the same clock. */
export interface ServerSlot {
  name: string;
  /** Null while no process runs. */
  server: SimulatedServer | null;
  start(): void;
  kill(): void;
}

const LEASE_SECONDS = 15;
export const LEASE_MILLISECONDS = LEASE_SECONDS * 1000;
const MAX_RESUMPTIONS = 3;
/** For two or three calls at a time, so that others wait. A call whose server is lost uses up a third of it. */
const tokenBudget: Omit<Budget, 'onLimit'> = {
  appliesTo: 'PRINCIPAL',
  agent: null,
  period: 'TOTAL',
  kind: 'TOKENS',
  allowance: 50_000,
};
/** Log messages that only a defect of the program explains. */
const defects: readonly string[] = ['a run failed unexpectedly', 'the sweep failed'];
/** How long a process that has crashed is gone. */
const RESTART_MILLISECONDS = 500;

/** @param onTrace receives a line, and the time in milliseconds, for everything that happens; null for no trace */
export function createWorld(
  store: Store,
  seed: number,
  onTrace: ((milliseconds: number, line: string) => void) | null,
): World {
  const random = createRandom(seed);
  const timeline = createTimeline();
  const trace = (line: string) => onTrace?.(timeline.now(), line);
  store.reset(() => Math.floor(START + timeline.now()));
  const faults: Faults = {
    lostConnections: random.pick([0, 0.02, 0.15]),
    busyWrites: random.pick([0, 0.01]),
    lostMessages: random.pick([0, 0.05, 0.5]),
    isDatabaseDown: false,
    cutOff: new Set(),
  };
  const network = createNetwork(timeline, random, faults);
  const activities = new Set<Activity>();
  const servers = new Map<Host, SimulatedServer>();
  let isTroubled = true;
  const invariants = createInvariants({
    store,
    timeline,
    leaseMilliseconds: LEASE_MILLISECONDS,
    maxResumptions: MAX_RESUMPTIONS,
    holderOf: (host) => servers.get(host)?.holder ?? null,
  });
  const settings = {
    limits: { maxSteps: 4, maxToolCalls: 6, runSeconds: 200, maxTokens: 1_000_000, maxCost: null },
    answerBytes: ANSWER_BYTES,
    maxConcurrentRuns: random.int(2, 4),
    budgets: random.pick([[], [{ ...tokenBudget, onLimit: random.pick(['fail', 'ask'] as const) }]]),
    leaseSeconds: LEASE_SECONDS,
    approvalExpirySeconds: random.pick([20, 120, 3600]),
    separateApprover: false,
    tracing: false,
    maxResumptions: MAX_RESUMPTIONS,
  };
  const queueLength = random.int(2, 4);
  // A high one makes runs that lose every server.
  const crashes = random.pick([0, 0.06, 0.8]);
  const hasPoison = random.chance(0.25);

  function createSlot(name: string): ServerSlot {
    const skew: ClockSkew = {
      offsetMilliseconds: random.pick([0, 0, random.int(-2000, 2000), random.int(-90_000, 90_000)]),
      rate: 1 + random.pick([0, 0, random.int(-5, 5) / 1000]),
    };
    const slot: ServerSlot = {
      name,
      server: null,
      start() {
        const host = createHost(timeline, name, skew);
        const notifications = network.channelOf(host);
        const onChange: Invariants['onChange'] = (writer, writes) => {
          for (const { row } of onTrace ? writes : []) {
            if (typeof row.payload === 'string') {
              trace(
                `${writer.name}: ${row.runId} ${row.seq} ${row.type} ${row.epoch ?? '-'} ${row.payload.slice(0, 160)}`,
              );
            }
          }
          invariants.onChange(writer, writes);
        };
        const database = connect({ store, timeline, random, faults, host, notifications, onChange });
        slot.server = startServer({
          host,
          database,
          random,
          settings,
          queueLength,
          onError: (error, message) => {
            trace(`${name}: ${message}: ${error}`);
            if (defects.includes(message)) invariants.report(`${name}: ${message}: ${error}`);
          },
          outside: {
            host,
            random,
            hasTrouble: () => isTroubled,
            crashes,
            hasPoison,
            crash() {
              slot.kill();
              timeline.after(RESTART_MILLISECONDS, () => slot.server ?? slot.start());
            },
            begin(activity) {
              activities.add(activity);
              trace(`${name}: ${activity.kind} call begins: ${activity.key}`);
              return () => {
                activities.delete(activity);
                trace(`${name}: ${activity.kind} call ends: ${activity.key}`);
              };
            },
            executed: invariants.onExecution,
            shown: invariants.onShown,
          },
        });
        servers.set(host, slot.server);
        trace(`${name}: starts as ${slot.server.holder}`);
      },
      kill() {
        const { server } = slot;
        if (!server) return;
        trace(`${name}: is killed`);
        server.host.kill();
        slot.server = null;
        network.disconnect(server.host);
        faults.cutOff.delete(server.host);
        for (const activity of activities) if (activity.host === server.host) activities.delete(activity);
        world.clients.serverWasKilled(server);
      },
    };
    return slot;
  }

  const slots = Array.from({ length: random.int(2, 3) }, (_, index) => createSlot(`server ${index + 1}`));
  const world: World = {
    hasPoison,
    timeline,
    random,
    faults,
    network,
    invariants,
    slots,
    trace,
    checkStep: () => invariants.checkActivities(activities),
    endTrouble() {
      isTroubled = false;
    },
    clients: createClients({
      store,
      timeline,
      random,
      invariants,
      trace,
      pickServer() {
        const available = slots.flatMap(({ server }) => (server && !server.isStopping ? [server] : []));
        return available.length > 0 ? random.pick(available) : null;
      },
    }),
  };
  for (const slot of slots) slot.start();
  return world;
}
