import { createAuditLog } from '../application/audit/audit-log.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Configuration } from '../config/configuration.ts';
import type { Database } from '../database/database.ts';
import { type DatabaseClock, followDatabaseTime } from '../database/database-clock.ts';
import { watchWrites } from '../database/write-health.ts';
import { createIds } from '../ids.ts';
import { createDatabaseJournal } from '../journal/database-journal.ts';
import type { Journal, OnCommitted } from '../journal/journal.ts';
import type { Logger } from '../logger.ts';
import type { Catalogue } from '../models/catalogue.ts';
import { hintsOf } from '../streams/notifications/hints.ts';
import { openObservation } from './observation.ts';
import type { Resources } from './resources.ts';
import { connectNotifications, openActivityFeed, openStore } from './store.ts';

export type Storage = Awaited<ReturnType<typeof openStorage>>;

/**
 * Opens the database, the journal and the streams that are read from it.
 * @param testClock replaces the time of the machine and of the database
 */
export async function openStorage(
  configuration: Configuration,
  logger: Logger,
  testClock: Clock | undefined,
  resources: Resources,
  observed: { catalogue: Catalogue; executingRuns(): number },
) {
  const { database, problem: storeProblem } = watchWrites(await openStore(configuration), testClock ?? systemClock);
  resources.add(() => database.close());
  const { clock, close: closeClock } = await openClock(database, testClock);
  resources.add(closeClock);
  const newId = createIds(clock.now);
  const readTape: Journal['read'] = (...range) => journal.read(...range);
  const observation = await openObservation(configuration, { ...observed, database, clock, logger, readTape });
  const { observer, tracing } = observation;
  if (tracing) resources.add(tracing.close);
  const onCommitted: OnCommitted = ({ runId, sessionId, events }) => {
    notifications.publish({ runId, sessionId, head: events.at(-1)?.seq ?? 0, events, hints: hintsOf(events) });
    observer?.appended(events);
    tracing?.appended(events);
  };
  const journal = createDatabaseJournal(database, clock, onCommitted, observer);
  const connected = connectNotifications(configuration, { database, journal, clock, newId, logger });
  const { hub: notifications } = connected;
  resources.add(connected.close);
  resources.add(() => journal.idle());
  const activity = openActivityFeed({ database, notifications, clock, logger });
  resources.add(() => activity.close());
  const audit = createAuditLog({ database, clock, newId, logger });
  resources.add(() => audit.close());
  return { ...observation, database, storeProblem, clock, newId, journal, notifications, activity, audit };
}

/** All servers of a shared database use its time. A clock that a test gives is used as it is. */
async function openClock(database: Database, testClock: Clock | undefined): Promise<DatabaseClock> {
  if (database.isShared && !testClock) return followDatabaseTime(database, systemClock);
  return { clock: testClock ?? systemClock, close: async () => undefined };
}
