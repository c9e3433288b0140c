import type { Clock } from '../clock.ts';
import type { Configuration } from '../config/configuration.ts';
import * as limits from '../config/limits.ts';
import type { Database } from '../database/database.ts';
import { openDatabase } from '../database/open-database.ts';
import type { NewId } from '../ids.ts';
import type { Journal } from '../journal/journal.ts';
import { createOutageLog, type Logger } from '../logger.ts';
import { activityAfter, activityBounds, openActivityWriters } from '../repositories/activity.ts';
import { type ActivityFeed, createActivityFeed } from '../streams/activity/feed.ts';
import { createNotificationHub, type NotificationHub } from '../streams/notifications/hub.ts';
import { createSharedNotificationHub } from '../streams/notifications/shared-hub.ts';

/** Opens the configured database. Rejects with a StartError. */
export function openStore(configuration: Configuration): Promise<Database> {
  const { databaseUrl: url, durability, databaseConnections: connections, preparedStatements } = configuration;
  return openDatabase({ url, durability, connections, preparedStatements });
}

/** The feed of the changes of all principals. */
export function openActivityFeed({
  database,
  notifications,
  clock,
  logger,
}: Pick<HubDependencies, 'database' | 'clock' | 'logger'> & { notifications: NotificationHub }): ActivityFeed {
  return createActivityFeed({
    store: {
      after: (position, limit) => activityAfter(database, position, limit),
      newest: async () => (await activityBounds(database)).newest,
      openWriters: () => openActivityWriters(database),
    },
    notifications,
    clock,
    pollMilliseconds: limits.FOLLOW_POLL_SECONDS * 1000,
    windowItems: limits.ACTIVITY_WINDOW_ITEMS,
    delaySeconds: limits.ACTIVITY_DELAY_SECONDS,
    onDelay: ({ pid, openSeconds }) =>
      logger.warn(
        { event: 'activity-delayed', pid, openSeconds },
        `a transaction that has been open for ${openSeconds} seconds delays the feed of changes`,
      ),
    outage: createOutageLog(logger, 'reading the feed of changes'),
  });
}

interface HubDependencies {
  database: Database;
  journal: Journal;
  clock: Clock;
  newId: NewId;
  logger: Logger;
}

/** Notifications within this process and, on a shared database, between the servers. */
export function connectNotifications(
  { notify }: Configuration,
  { database, journal, clock, newId, logger }: HubDependencies,
): { hub: NotificationHub; close(): Promise<void> } {
  const { notifications } = database;
  if (!notifications) return { hub: createNotificationHub(), close: async () => undefined };
  const hub = createSharedNotificationHub({
    notifications,
    notify,
    id: newId('server'),
    clock,
    batchMilliseconds: limits.NOTIFICATION_DELAY_MILLISECONDS,
    pollMilliseconds: limits.TAPE_POLL_MILLISECONDS,
    async heads(runIds) {
      const ends = await journal.readEnds(runIds, 1);
      return new Map([...ends].map(([runId, events]) => [runId, events.at(-1)?.seq ?? 0]));
    },
    onState: (state) => logger.info({ notifications: state }, 'notifications of other servers'),
    outage: createOutageLog(logger, 'notifying other servers and polling their tapes'),
  });
  return { hub, close: hub.close };
}
