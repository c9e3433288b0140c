import type { RowWrite } from '../../src/database/batch-statement.ts';
import type { Database, NotificationChannel } from '../../src/database/database.ts';
import { StoreError, type StoreFailure, throwStoreError } from '../../src/database/store-error.ts';
import type { Host } from './host.ts';
import { createLedgerClient } from './ledger.ts';
import type { Random } from './random.ts';
import { createReader } from './reader.ts';
import type { Store } from './store.ts';
import type { Timeline } from './timeline.ts';

/** What can go wrong between a server and the database. Changes during a simulation. */
export interface Faults {
  /** Probability that a connection is lost during one statement or commit. */
  lostConnections: number;
  /** Probability that a write fails because another transaction holds a lock. */
  busyWrites: number;
  /** Probability that a message between servers is lost without notice. */
  lostMessages: number;
  /** Whether no server reaches the database. */
  isDatabaseDown: boolean;
  /** The servers that do not reach it. */
  cutOff: Set<Host>;
}

export interface ConnectionOptions {
  store: Store;
  timeline: Timeline;
  random: Random;
  faults: Faults;
  host: Host;
  notifications: NotificationChannel;
  /** Called at the moment at which the database has committed rows or changed leases. */
  onChange(host: Host, writes: readonly RowWrite[]): void;
}

/** A server waits this long for a database that does not answer. */
const TIMEOUT_MILLISECONDS = 2000;
/** A transaction whose connection is lost may be committed this much later. */
const LATE_COMMIT_MILLISECONDS = 40;

/** The connection of one server to the shared database, over a network that delays, loses and breaks. */
export function connect(options: ConnectionOptions): Database {
  const { store, timeline, random, faults, host, notifications, onChange } = options;
  const ledger = createLedgerClient(store);
  const isCutOff = () => faults.isDatabaseDown || faults.cutOff.has(host);
  const latency = () => (random.chance(0.02) ? random.int(50, 800) : random.next() * 5);

  /** Performs `work` at the database, and returns its result or failure to the process. */
  function call<Result>(kind: 'read' | 'write' | 'commit', work: () => Result | Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      // A process that has ended sends nothing.
      if (host.isKilled()) return;
      const fail = (failure: StoreFailure, milliseconds: number) =>
        void host.after(milliseconds, () => reject(new StoreError(failure, `simulated: ${failure}`)));
      /** Only a commit can have an outcome that its caller does not know. */
      const lose = () => fail(kind === 'commit' ? 'unknown' : 'unavailable', latency());
      const arrive = async () => {
        // The process ended before it had sent the statement, or after.
        if (host.isKilled() && random.chance(0.5)) return;
        if (isCutOff()) return fail('unavailable', random.chance(0.5) ? 1 : random.int(1, TIMEOUT_MILLISECONDS));
        if (kind !== 'read' && random.chance(faults.busyWrites)) return fail('busy', latency());
        const isLost = random.chance(faults.lostConnections);
        if (isLost && random.chance(0.4)) return lose();
        if (isLost && kind === 'commit' && random.chance(0.3)) {
          timeline.after(random.int(0, LATE_COMMIT_MILLISECONDS), () => void attempt(work));
          return lose();
        }
        const outcome = await attempt(work);
        if (isLost) return lose();
        host.after(latency(), () => {
          if (isCutOff()) reject(new StoreError(kind === 'commit' ? 'unknown' : 'unavailable', 'simulated: cut off'));
          else if (outcome.ok) resolve(outcome.result);
          else reject(outcome.error);
        });
      };
      timeline.after(latency(), () => void arrive());
    });
  }

  return {
    provider: 'postgresql',
    isShared: true,
    notifications,
    reader: createReader(store, (read) => call('read', read)),
    write: (work) => call('commit', () => work(ledger)),
    commit: (writes) =>
      writes.length === 0
        ? Promise.resolve()
        : call('commit', () => {
            store.commit(writes);
            onChange(host, writes);
          }),
    query: (statement, ...parameters) =>
      call(statement.writes ? 'write' : 'read', () => {
        const rows = store.query(statement, parameters);
        if (statement.writes) onChange(host, []);
        return rows;
      }),
    superseded: new Promise(() => undefined),
    problem: () => null,
    check: async () => undefined,
    eraseDeleted: async () => undefined,
    close: async () => undefined,
  };
}

type Attempt<Result> = { ok: true; result: Result } | { ok: false; error: unknown };

async function attempt<Result>(work: () => Result | Promise<Result>): Promise<Attempt<Result>> {
  try {
    return { ok: true, result: await work() };
  } catch (error) {
    return { ok: false, error: storeError(error) };
  }
}

function storeError(error: unknown): unknown {
  try {
    return throwStoreError(error);
  } catch (converted) {
    return converted;
  }
}
