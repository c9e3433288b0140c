import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { Clock } from '../../clock.ts';
import type { ChannelListener, ChannelSubscription, NotificationChannel } from '../database.ts';
import { toStoreError } from '../store-error.ts';
import { connectionOptions } from './pools.ts';

const CHANNEL = 'runtape';
/** Prefix of the messages that a connection sends to itself to test delivery. */
const PROBE = 'probe:';
/** Between two probes. A connection that has not received its probe by the next one is replaced. */
const PROBE_MILLISECONDS = 5_000;
/** Between attempts to connect. */
const RETRY_MILLISECONDS = 1_000;

/**
 * LISTEN on a connection of its own, NOTIFY through the pool, so that a server that cannot listen can still send.
 *
 *   connect ─▶ LISTEN ─▶ probe ─▶ received: arriving ─▶ probe … ─▶ not received, or lost: not arriving ─▶ connect
 *
 * The probes are necessary because a transaction pooler accepts LISTEN and delivers nothing.
 */
export function createNotificationChannel(url: string, pool: pg.Pool, clock: Clock): NotificationChannel {
  return {
    async send(message) {
      await pool.query('SELECT pg_notify($1, $2)', [CHANNEL, message]).catch((error: unknown) => {
        throw toStoreError(error);
      });
    },
    listen: (listener) => listen(url, clock, listener),
  };
}

function listen(url: string, clock: Clock, listener: ChannelListener): ChannelSubscription {
  const closing = new AbortController();
  const { signal } = closing;
  let arriving: boolean | null = null;

  function reportState(state: boolean): void {
    if (state === arriving) return;
    arriving = state;
    listener.onState(state);
  }

  async function keepListening(): Promise<void> {
    while (!signal.aborted) {
      const connection = new pg.Client({ ...connectionOptions(url), query_timeout: PROBE_MILLISECONDS });
      try {
        const onProbe = () => reportState(true);
        await listenOnce(connection, clock, signal, { onMessage: listener.onMessage, onProbe });
      } catch {
        // Whatever the reason, the next attempt follows.
      }
      reportState(false);
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

/** Listens until the connection breaks, a probe is not received, or the signal aborts. Resolves or rejects then. */
async function listenOnce(
  connection: pg.Client,
  clock: Clock,
  signal: AbortSignal,
  { onMessage, onProbe }: { onMessage(message: string): void; onProbe(): void },
): Promise<void> {
  const broken = new AbortController();
  const until = AbortSignal.any([signal, broken.signal]);
  let expectedProbe = '';
  connection.on('error', () => broken.abort());
  connection.on('end', () => broken.abort());
  connection.on('notification', ({ payload = '' }) => {
    if (!payload.startsWith(PROBE)) return onMessage(payload);
    if (payload !== expectedProbe) return;
    expectedProbe = '';
    onProbe();
  });
  await connection.connect();
  await connection.query(`LISTEN ${CHANNEL}`);
  while (expectedProbe === '') {
    expectedProbe = `${PROBE}${randomUUID()}`;
    await connection.query('SELECT pg_notify($1, $2)', [CHANNEL, expectedProbe]);
    await clock.sleep(PROBE_MILLISECONDS, until);
  }
}
