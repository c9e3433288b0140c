/** Every wait of the client, in milliseconds. */
export interface Timing {
  /** The delay before the attempt with this number, which starts at 1. */
  backOff(attempt: number): number;
  /** An opening connection is given up after this time. */
  open: number;
  /** After this time without a message the server is asked for a sign of life. */
  quiet: number;
  /** Without a sign of life after this time, the connection is taken for dead. */
  pong: number;
  /** A stream of server-sent events without a byte for this long is taken for dead. The server writes every 12 seconds. */
  silentStream: number;
  /** A connection without subscriptions is closed after this time. */
  idle: number;
  /** While WebSocket is replaced by server-sent events, it is tried again after this time. */
  upgrade: number;
  /** An answer to a request that is repeated safely is given up after this time. */
  answer: number;
  /** Requests that are repeated safely are given up after this time. */
  repeat: number;
  /** Lists are read again at most this often. */
  refresh: number;
}

const FIRST_DELAY = 250;
const LONGEST_DELAY = 30_000;

/** Doubles up to half a minute. Half of it is random, so that clients do not return all at once. */
export function backOff(attempt: number): number {
  const limit = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** (attempt - 1));
  return (limit * (1 + Math.random())) / 2;
}

export const timing: Timing = {
  backOff,
  open: 8_000,
  quiet: 15_000,
  pong: 5_000,
  silentStream: 30_000,
  idle: 1_000,
  upgrade: 120_000,
  answer: 20_000,
  repeat: 120_000,
  refresh: 200,
};
