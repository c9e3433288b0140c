import { type Bus, createBus } from '../bus/bus.ts';
import { createSharedBus } from '../bus/shared-bus.ts';
import type { Clock } from '../clock.ts';
import type { Configuration } from '../config/configuration.ts';
import * as limits from '../config/limits.ts';
import type { Database } from '../database/database.ts';
import { openDatabase } from '../database/open-database.ts';
import type { NewId } from '../ids.ts';
import type { Journal } from '../journal/journal.ts';
import { createOutage, type Logger } from '../logger.ts';

/** The database that the configuration names. Throws a StartError. */
export function openStore(configuration: Configuration): Promise<Database> {
  const { databaseUrl: url, durability, databaseConnections: connections } = configuration;
  return openDatabase({ url, durability, connections });
}

interface BusParts {
  database: Database;
  journal: Journal;
  clock: Clock;
  newId: NewId;
  logger: Logger;
}

/** Wake-ups within this process, and where there are other servers to and from them. */
export function connectBus(
  { notify }: Configuration,
  { database, journal, clock, newId, logger }: BusParts,
): { bus: Bus; close(): Promise<void> } {
  const { notifications } = database;
  if (!notifications) return { bus: createBus(), close: async () => undefined };
  const bus = createSharedBus({
    ...{ notifications, notify, id: newId('server'), timer: clock.after },
    gatherMilliseconds: limits.NOTIFY_MILLISECONDS,
    pollMilliseconds: limits.POLL_MILLISECONDS,
    async heads(runIds) {
      const ends = await journal.readEnds(runIds, 1);
      return new Map([...ends].map(([runId, events]) => [runId, events.at(-1)?.seq ?? 0]));
    },
    onState: (state) => logger.info({ wakeUps: state }, 'wake-ups of other servers'),
    outage: createOutage(logger, 'waking other servers and looking at their tapes'),
  });
  return { bus, close: bus.close };
}
