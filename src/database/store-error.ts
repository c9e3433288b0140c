/** Why the database failed, as far as a caller can act on it. */
export type StoreFailure =
  /** A rule of the database refused the rows; `detail` names the rule. Nothing was written. */
  | 'constraint'
  /** Another connection holds a lock. Nothing was written; a later attempt may succeed. */
  | 'busy'
  /** Another transaction has kept one of the rows locked. Nothing was written; writes of other rows may succeed. */
  | 'locked'
  /** The disk is full, the database is read-only, unreachable or damaged. Nothing was written; an operator must act. */
  | 'unavailable'
  /** The connection was lost, or the disk failed, while the database committed: the rows may be stored or not. */
  | 'unknown';

/** A failure of the database. Unless the failure is `unknown`, nothing of the write was stored. The message is for clients. */
export class StoreError extends Error {
  readonly failure: StoreFailure;
  /** For the log: the violated rule, or the driver's message. */
  readonly detail: string;

  constructor(failure: StoreFailure, detail: string, cause?: unknown) {
    super(messages[failure], { cause });
    this.name = 'StoreError';
    this.failure = failure;
    this.detail = detail;
  }
}

const messages: Record<StoreFailure, string> = {
  constraint: 'The database refused the change.',
  busy: 'The database is busy. Nothing was stored; try again.',
  locked: 'Another change of the same data is not finished. Nothing was stored; try again.',
  unavailable: 'The database cannot be used now. Nothing was stored; try again later.',
  unknown:
    'The database failed while it stored the change, or the connection to it was lost. Check whether the change was stored, or send it again with the same idempotency key.',
};

/** Whether the database cannot be used at the moment, so that the same operation may succeed later. */
export function isTemporaryStoreFailure(error: unknown): boolean {
  return error instanceof StoreError && error.failure !== 'constraint';
}

/** Converts an error of Prisma or of a driver. Keeps a StoreError. */
export function toStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const cause = driverCause(error);
  const code = String(cause.originalCode ?? cause.kind ?? '');
  const detail = String(cause.originalMessage ?? (error instanceof Error ? error.message : error));
  if (/^SQLITE_CONSTRAINT|UniqueConstraintViolation|ForeignKeyConstraintViolation|^23...$|^P0001$/.test(code)) {
    return new StoreError('constraint', detail, error);
  }
  if (/^SQLITE_(BUSY|LOCKED)|SocketTimeout|TransactionWriteConflict|^40...$/.test(code)) {
    return new StoreError('busy', detail, error);
  }
  if (code === '55P03') return new StoreError('locked', detail, error);
  // The commit is in the write-ahead log. SQLite undoes it for this process, but the next start may find it there.
  if (code === 'SQLITE_IOERR_FSYNC') return new StoreError('unknown', detail, error);
  return new StoreError('unavailable', detail, error);
}

/** Throws an error of the database as a StoreError, and any other error unchanged. */
export function throwStoreError(error: unknown): never {
  throw isStoreFault(error) ? toStoreError(error) : error;
}

/** Whether Prisma, a driver or a connection threw the error, and not the work that used them. */
export function isStoreFault(error: unknown): boolean {
  if (!(error instanceof Error) || error.name === 'PrismaClientValidationError') return false;
  if (error instanceof StoreError || error.name.startsWith('PrismaClient') || error.name === 'DriverAdapterError')
    return true;
  return (
    /^(SQLITE_[A-Z_]+|E[A-Z]{4,}|[0-9A-Z]{5})$/.test(String(field(error, 'code') ?? '')) ||
    lostConnection.test(error.message)
  );
}

/** The Postgres driver throws these without a code. */
const lostConnection =
  /^(timeout exceeded when trying to connect|Connection terminated|Query read timeout|Client (was closed|has encountered))/;

/** Whether an error of the Postgres driver means a lost connection. An answer of the server has a severity. */
export function isConnectionLost(error: unknown): boolean {
  return field(error, 'severity') === undefined || /^(08|57P)/.test(String(field(error, 'code')));
}

/** The Postgres driver throws these without a code when a statement has no answer. */
const lostAnswer = /^(Connection terminated unexpectedly|Query read timeout)/;

/** Whether the Prisma client lost its connection to Postgres, so that the database may have executed what it did not answer. */
export function isAnswerLost(error: unknown): boolean {
  const original = error instanceof StoreError ? error.cause : error;
  const { kind, originalCode } = driverCause(original);
  const isClosed = kind === 'ConnectionClosed' || /^(08|57P)/.test(String(originalCode ?? ''));
  return isClosed || (original instanceof Error && lostAnswer.test(original.message));
}

interface DriverCause {
  kind?: unknown;
  originalCode?: unknown;
  originalMessage?: unknown;
}

/** Prisma wraps the error of a driver; the Postgres driver itself has a code. */
function driverCause(error: unknown): DriverCause {
  const meta = field(error, 'meta');
  const driver = field(meta, 'driverAdapterError') ?? error;
  const cause = field(driver, 'cause');
  return (cause as DriverCause | undefined) ?? { originalCode: field(error, 'code') };
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
