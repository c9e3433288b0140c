import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { Clock } from '../../clock.ts';
import type { ChannelListener, ChannelSubscription, NotificationChannel } from '../database.ts';
import { toStoreError } from '../store-error.ts';
import { connectionOptions } from './pools.ts';

const CHANNEL = 'runtape';
/** Begins what a connection says to itself to see whether it hears. */
const PROBE = 'probe:';
/** Between two probes; a connection that does not hear one by the next is given up. */
const PROBE_MILLISECONDS = 5_000;
/** Between attempts at a new connection. */
const RETRY_MILLISECONDS = 1_000;

/**
 * LISTEN on a connection of its own, NOTIFY through the pool: a server that can not listen can still be heard.
 *
 *   connect ─▶ LISTEN ─▶ probe ─▶ heard: arriving ─▶ probe … ─▶ not heard, or lost ─▶ not arriving ─▶ connect
 *
 * A transaction pooler takes LISTEN without a word and delivers nothing: the probe finds out.
 */
export function createNotificationChannel(url: string, pool: pg.Pool, clock: Clock): NotificationChannel {
  return {
    async send(message) {
      await pool.query('SELECT pg_notify($1, $2)', [CHANNEL, message]).catch((error: unknown) => {
        throw toStoreError(error);
      });
    },
    listen: (listener) => listenOn(url, clock, listener),
  };
}

function listenOn(url: string, clock: Clock, listener: ChannelListener): ChannelSubscription {
  const closing = new AbortController();
  const { signal } = closing;
  let arriving: boolean | null = null;

  function tell(state: boolean): void {
    if (state === arriving) return;
    arriving = state;
    listener.onState(state);
  }

  async function keepListening(): Promise<void> {
    while (!signal.aborted) {
      const connection = new pg.Client({ ...connectionOptions(url), query_timeout: PROBE_MILLISECONDS });
      try {
        await listen(connection, clock, signal, { onMessage: listener.onMessage, onHeard: () => tell(true) });
      } catch {
        // Lost, refused or deaf: all of them are tried again.
      }
      tell(false);
      connection.end().catch(() => undefined);
      await clock.sleep(RETRY_MILLISECONDS, signal).catch(() => undefined);
    }
  }

  const done = keepListening();
  return {
    async close() {
      closing.abort();
      await done;
    },
  };
}

/** Resolves or rejects when the connection is of no more use. */
async function listen(
  connection: pg.Client,
  clock: Clock,
  signal: AbortSignal,
  { onMessage, onHeard }: { onMessage(message: string): void; onHeard(): void },
): Promise<void> {
  const leaving = new AbortController();
  const until = AbortSignal.any([signal, leaving.signal]);
  let awaited = '';
  connection.on('error', () => leaving.abort());
  connection.on('end', () => leaving.abort());
  connection.on('notification', ({ payload = '' }) => {
    if (!payload.startsWith(PROBE)) return onMessage(payload);
    if (payload !== awaited) return;
    awaited = '';
    onHeard();
  });
  await connection.connect();
  await connection.query(`LISTEN ${CHANNEL}`);
  while (awaited === '') {
    awaited = `${PROBE}${randomUUID()}`;
    await connection.query('SELECT pg_notify($1, $2)', [CHANNEL, awaited]);
    await clock.sleep(PROBE_MILLISECONDS, until);
  }
}
