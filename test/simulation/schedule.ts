import type { SimulatedServer } from './server.ts';
import type { Store } from './store.ts';
import { createWorld, LEASE_MILLISECONDS, type ServerSlot, type World } from './world.ts';

export interface ScheduleResult {
  seed: number;
  /** Events of the timeline. */
  steps: number;
  runs: number;
  /** The violations of the first step that had any; empty if the schedule passed. */
  problems: readonly string[];
  /** What happened, if it was requested. */
  trace: readonly string[];
}

const CHECK_MILLISECONDS = 250;
/** After this time without a fault every run must have ended or wait for a person. */
const QUIET_MILLISECONDS = 600_000;
const GRACE_MILLISECONDS = 3000;

/**
 * Performs one random schedule: actions and faults, then recovery until every run waits or has ended, then decisions until
 * every run has ended. Stops at the first step that violates an invariant.
 */
export async function runSchedule(store: Store, seed: number, isTraced = false): Promise<ScheduleResult> {
  const trace: string[] = [];
  const record = (milliseconds: number, line: string) =>
    void trace.push(`${milliseconds.toFixed(0).padStart(8)} ${line}`);
  const world = createWorld(store, seed, isTraced ? record : null);
  const { timeline, invariants, clients, slots } = world;
  await act(world);
  recover(world);
  await settle(world);
  while (isFine(world) && clients.decideAll() > 0) await settle(world);
  if (isFine(world)) {
    clients.checkEnd();
    invariants.checkEnd();
  }
  for (const { server } of slots) server?.host.kill();
  const runs = [...invariants.tapes()].length;
  return { seed, trace, steps: timeline.steps(), runs, problems: invariants.problems() };
}

const isFine = ({ invariants }: World) => invariants.problems().length === 0;

/** Performs events until a time. */
async function advance(world: World, until: number): Promise<void> {
  const { timeline } = world;
  let isOver = false;
  timeline.after(until - timeline.now(), () => {
    isOver = true;
  });
  while (!isOver && isFine(world) && (await timeline.step())) world.checkStep();
}

/** Actions of clients and faults, at random times. */
async function act(world: World): Promise<void> {
  const { random, timeline, clients } = world;
  // Most schedules are short: more of them fit into a minute, and few faults need many actions.
  const actions = random.pick([random.int(2, 5), random.int(2, 5), random.int(6, 20)]);
  for (let count = actions; count > 0 && isFine(world); count -= 1) {
    const pause = random.pick([() => random.int(0, 20), () => random.int(0, 500), () => random.int(0, 8000)]);
    await advance(world, timeline.now() + pause());
    if (random.chance(0.45)) clients.send();
    else if (random.chance(0.3)) clients.decide();
    else if (random.chance(0.15)) clients.cancel();
    else causeFault(world);
  }
  // Long enough to lose a run again and again.
  if (world.hasPoison) await advance(world, timeline.now() + random.int(4, 12) * LEASE_MILLISECONDS);
  // Long enough for leases to expire and to be taken over before the faults end.
  if (random.chance(0.5)) await advance(world, timeline.now() + random.int(1, 5) * LEASE_MILLISECONDS);
}

function causeFault(world: World): void {
  const { random, timeline, faults, network, slots, trace } = world;
  const slot = random.pick(slots);
  const { server } = slot;
  if (!server) {
    slot.start();
    return;
  }
  const { host } = server;
  const milliseconds = random.pick([random.int(1, 500), random.int(1000, 12_000), random.int(16_000, 60_000)]);
  const fault = random.pick(['pause', 'pause', 'kill', 'stop', 'cut off', 'database', 'disconnect'] as const);
  trace(`${slot.name}: ${fault} for ${milliseconds} ms`);
  switch (fault) {
    case 'pause':
      host.pause();
      timeline.after(milliseconds, host.resume);
      return;
    case 'kill':
      slot.kill();
      timeline.after(milliseconds, () => slot.server ?? slot.start());
      return;
    case 'stop':
      stop(world, slot, server);
      return;
    case 'cut off':
      faults.cutOff.add(host);
      network.disconnect(host);
      timeline.after(milliseconds, () => {
        faults.cutOff.delete(host);
        network.reconnect(host);
      });
      return;
    case 'database':
      faults.isDatabaseDown = true;
      for (const each of slots) if (each.server) network.disconnect(each.server.host);
      timeline.after(milliseconds, () => restoreDatabase(world));
      return;
    case 'disconnect':
      network.disconnect(host);
      timeline.after(milliseconds, () => network.reconnect(host));
      return;
    default:
      fault satisfies never;
  }
}

/** Stops a server gracefully, and starts its successor when it has stopped. */
function stop({ invariants, trace, timeline }: World, slot: ServerSlot, server: SimulatedServer): void {
  if (server.isStopping) return;
  server.isStopping = true;
  server.orchestrator.stop(GRACE_MILLISECONDS).then(
    () => {
      trace(`${slot.name}: has stopped`);
      if (server.host.isKilled()) return;
      if (server.orchestrator.activeCount() > 0) invariants.report(`${slot.name} has stopped with active runs`);
      slot.kill();
      timeline.after(10, () => slot.server ?? slot.start());
    },
    (error: unknown) => invariants.report(`${slot.name} could not stop: ${error}`),
  );
}

function restoreDatabase({ faults, network, slots }: World): void {
  faults.isDatabaseDown = false;
  for (const { server } of slots) if (server) network.reconnect(server.host);
}

/** Ends every fault. */
function recover(world: World): void {
  const { faults, slots, network, trace } = world;
  trace('everything recovers');
  world.endTrouble();
  faults.lostConnections = 0;
  faults.busyWrites = 0;
  faults.lostMessages = 0;
  faults.cutOff.clear();
  restoreDatabase(world);
  for (const slot of slots) {
    slot.server?.host.resume();
    if (slot.server) network.reconnect(slot.server.host);
    else slot.start();
  }
}

/** Advances until every run waits or has ended, without a lease. */
async function settle(world: World): Promise<void> {
  const { timeline, invariants, clients } = world;
  const startedAt = timeline.now();
  for (;;) {
    await advance(world, timeline.now() + CHECK_MILLISECONDS);
    if (!isFine(world)) return;
    const elapsed = timeline.now() - startedAt;
    invariants.checkExecutors(elapsed > 2 * LEASE_MILLISECONDS && hasRoom(world));
    if (clients.waiting() === 0 && isSettled(world)) return;
    if (elapsed > QUIET_MILLISECONDS) {
      invariants.report('8: some runs neither end nor wait, or have ended and keep a lease or a reservation');
      return;
    }
  }
}

function isSettled({ invariants, slots }: World): boolean {
  if (slots.some(({ server }) => server && server.orchestrator.activeCount() > 0)) return false;
  if (invariants.hasLeftovers()) return false;
  const waiting = new Set<string>();
  for (const { status, sessionId } of invariants.tapes()) {
    if (status === 'IN_PROGRESS') return false;
    if (status === 'AWAITING_APPROVAL') waiting.add(sessionId);
  }
  return [...invariants.tapes()].every(({ status, sessionId }) => status !== 'PENDING' || waiting.has(sessionId));
}

function hasRoom({ slots }: World): boolean {
  return slots.every(({ server }) => server && server.orchestrator.activeCount() < 2);
}
