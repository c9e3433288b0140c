import { createSource, type Readable } from '../readable.ts';
import { closedError, errorOf, offline, RuntapeError } from '../runtape-error.ts';
import type { Link, OpenLink, Result } from './link.ts';
import type { Timing } from './timing.ts';

/** A subscription that continues over any number of links. */
export interface Operation {
  query: string;
  /** Called at each start, so that the operation continues at its newest cursor. */
  variables(): object;
  next(data: unknown): void;
  /** No more follows: the server has completed it (null), or refused it. */
  end(error: RuntapeError | null): void;
}

export type LinkState =
  | { state: 'open' }
  /** Also before the first operation. */
  | { state: 'opening' }
  | { state: 'offline'; since: Date; nextAttemptAt: Date | null; error: RuntapeError };

/** One link shared by every subscription, opened again whenever it is lost. */
export interface Connection {
  readonly state: Readable<LinkState>;
  /** Returns what stops it. */
  start(operation: Operation): () => void;
  /** Attempts to reconnect at once, or makes sure that the link is alive: the network or the page has come back. */
  wake(): void;
  /** Ends every operation with the code CLOSED. */
  close(): void;
}

export interface ConnectionOptions {
  token: () => Promise<string | null>;
  /** In the order in which they are tried. */
  links: readonly OpenLink[];
  timing: Timing;
}

/** The code of an error about the token. */
const REFUSED = 'UNAUTHENTICATED';
/** A token that the server refuses as often as this in a row is not asked for again. */
const MAX_REFUSED_TOKENS = 3;

interface Entry {
  operation: Operation;
  /** Null while it is not on a link. */
  stop: (() => void) | null;
  /** Temporary failures in a row. */
  failures: number;
}

// biome-ignore lint/complexity/noExcessiveLinesPerFunction: the states and their transitions read best in one place
export function createConnection({ token, links, timing }: ConnectionOptions): Connection {
  const state = createSource<LinkState>({ state: 'opening' });
  const entries = new Set<Entry>();
  let link: Link | null = null;
  /** Gives up the link that is being opened; null if none is. */
  let opening: AbortController | null = null;
  let isClosed = false;
  let offlineSince: Date | null = null;
  let attempt = 0;
  let refusedTokens = 0;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let idleTimer: ReturnType<typeof setTimeout> | undefined;
  let upgradeTimer: ReturnType<typeof setTimeout> | undefined;
  /** Index into `links` of the one that worked last, which is tried first. */
  let kind = 0;

  function startOn(openLink: Link, entry: Entry): void {
    const { operation } = entry;
    const isCurrent = () => entries.has(entry) && entry.stop === stop;
    const next = ({ data, errors }: Result) => {
      if (!isCurrent()) return;
      if (errors) {
        // The server may have more results of it.
        stop();
        return end(errorOf(errors));
      }
      attempt = 0;
      entry.failures = 0;
      operation.next(data);
    };
    const end = (error: RuntapeError | null) => {
      if (!isCurrent()) return;
      entry.stop = null;
      // The server is overloaded, or its database is away. The other operations are in the same position.
      if (error?.retryable) return lose(error, ++entry.failures);
      remove(entry);
      operation.end(error);
    };
    const stop = openLink.start(operation.query, operation.variables(), { next, end });
    entry.stop = stop;
  }

  function remove(entry: Entry): void {
    entries.delete(entry);
    if (entries.size > 0 || isClosed) return;
    clearTimeout(idleTimer);
    idleTimer = setTimeout(closeIdle, timing.idle);
  }

  function closeIdle(): void {
    if (entries.size > 0) return;
    clearTimeout(retryTimer);
    retryTimer = undefined;
    dropLink();
    offlineSince = null;
    state.set({ state: 'opening' });
  }

  function dropLink(): void {
    clearTimeout(upgradeTimer);
    opening?.abort();
    opening = null;
    link?.close();
    link = null;
    for (const entry of entries) entry.stop = null;
  }

  /**
   * Waits for the back-off, and then opens the next link.
   * @param failures of one operation, while others may work
   */
  function lose(error: RuntapeError, failures = 0) {
    dropLink();
    if (isClosed || entries.size === 0) return;
    offlineSince ??= new Date();
    const isRefused = error.code === REFUSED;
    const isFinal = isRefused && ++refusedTokens >= MAX_REFUSED_TOKENS;
    attempt = Math.max(attempt + 1, failures);
    // A token that has expired is replaced at once.
    const isExpiry = isRefused && attempt === 1;
    const delay = isExpiry ? 0 : Math.max(timing.backOff(attempt), error.retryAfterMilliseconds ?? 0);
    const nextAttemptAt = isFinal ? null : new Date(Date.now() + delay);
    state.set({ state: 'offline', since: offlineSince, nextAttemptAt, error });
    if (isFinal) {
      refusedTokens = 0;
      return endAll(error);
    }
    clearTimeout(retryTimer);
    retryTimer = setTimeout(retry, delay);
  }

  function retry(): void {
    clearTimeout(retryTimer);
    retryTimer = undefined;
    void open();
  }

  function endAll(error: RuntapeError): void {
    for (const entry of [...entries]) {
      entries.delete(entry);
      entry.operation.end(error);
    }
  }

  /** @param isUpgrade replaces another link by the first one, if that can be opened */
  async function open(isUpgrade = false): Promise<void> {
    const isWanted = isUpgrade === (link !== null);
    if (opening !== null || !isWanted || retryTimer !== undefined || isClosed || entries.size === 0) return;
    const attempted = new AbortController();
    opening = attempted;
    try {
      const opened = await openFirst(attempted.signal, isUpgrade);
      if (attempted.signal.aborted) return opened.close();
      opening = null;
      dropLink();
      link = opened;
    } catch (cause) {
      if (attempted.signal.aborted) return;
      opening = null;
      if (!isUpgrade) return lose(cause instanceof RuntapeError ? cause : offline(cause));
    }
    clearTimeout(upgradeTimer);
    if (kind > 0) upgradeTimer = setTimeout(() => void open(true), timing.upgrade);
    offlineSince = null;
    refusedTokens = 0;
    for (const entry of entries) {
      if (link !== null && entry.stop === null) startOn(link, entry);
    }
    // The operations know by then that they have to catch up.
    if (link !== null) state.set({ state: 'open' });
  }

  /** Opens the first kind of link that can be opened. */
  async function openFirst(signal: AbortSignal, isUpgrade: boolean): Promise<Link> {
    const currentToken = await token();
    for (let index = 0; ; index++) {
      signal.throwIfAborted();
      const tried = isUpgrade ? 0 : (kind + index) % links.length;
      const onLost = (error: RuntapeError) => {
        link = null;
        lose(error);
      };
      try {
        const opened = await (links[tried] as OpenLink)({ token: currentToken, signal, onLost });
        kind = tried;
        return opened;
      } catch (cause) {
        if (isUpgrade || index === links.length - 1 || (cause as RuntapeError).code === REFUSED) throw cause;
      }
    }
  }

  return {
    state,
    start(operation) {
      const entry: Entry = { operation, stop: null, failures: 0 };
      if (isClosed) queueMicrotask(() => operation.end(closedError()));
      else {
        clearTimeout(idleTimer);
        entries.add(entry);
        if (link !== null) startOn(link, entry);
        else void open();
      }
      return () => {
        if (!entries.has(entry)) return;
        entry.stop?.();
        remove(entry);
      };
    },
    wake() {
      link?.check();
      if (kind > 0) void open(true);
      if (retryTimer !== undefined) retry();
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      clearTimeout(retryTimer);
      clearTimeout(idleTimer);
      for (const { stop } of entries) stop?.();
      dropLink();
      endAll(closedError());
    },
  };
}
