/** What went wrong in the store, as far as a caller can act on it. */
export type StoreFailure =
  /** A rule of the database refused the rows; `detail` names it. Nothing was written. */
  | 'constraint'
  /** Somebody else holds the database; the same write may succeed later. */
  | 'busy'
  /** No room, read-only, gone or broken: an operator must act. */
  | 'unavailable'
  /** The connection was lost while the database committed: the write may be stored or not. */
  | 'unknown';

/** A failure of the store. Nothing of the write that it answers has been stored, unless its outcome is unknown. */
export class StoreError extends Error {
  readonly failure: StoreFailure;
  /** For the log: the rule that was broken, or the driver's words. */
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
  unavailable: 'The database can not be used now. Nothing was stored; try again later.',
  unknown:
    'The database was lost while it stored this. Look whether it did, or send it again with the same idempotency key.',
};

interface DriverCause {
  kind?: unknown;
  originalCode?: unknown;
  originalMessage?: unknown;
}

/** Reads what Prisma and the driver behind it threw. */
export function toStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const cause = driverCause(error);
  const code = String(cause.originalCode ?? cause.kind ?? '');
  const words = String(cause.originalMessage ?? (error instanceof Error ? error.message : error));
  if (/^SQLITE_CONSTRAINT|UniqueConstraintViolation|ForeignKeyConstraintViolation|^23...$|^P0001$/.test(code)) {
    return new StoreError('constraint', words, error);
  }
  if (/^SQLITE_(BUSY|LOCKED)|SocketTimeout|TransactionWriteConflict|^55P03$|^40...$/.test(code)) {
    return new StoreError('busy', words, error);
  }
  return new StoreError('unavailable', words, error);
}

/** Whether the store failed, and not the work that used it: by what Prisma and the drivers throw. */
export function isStoreFault(error: unknown): boolean {
  if (!(error instanceof Error) || error.name === 'PrismaClientValidationError') return false;
  if (error instanceof StoreError || error.name.startsWith('PrismaClient') || error.name === 'DriverAdapterError')
    return true;
  return (
    /^(SQLITE_[A-Z_]+|E[A-Z]{4,}|[0-9A-Z]{5})$/.test(String(field(error, 'code') ?? '')) ||
    lostConnection.test(error.message)
  );
}

/** The driver of Postgres says these without any code. */
const lostConnection =
  /^(timeout exceeded when trying to connect|Connection terminated|Query read timeout|Client (was closed|has encountered))/;

/** Of what Postgres' driver threw: whether the connection failed, and not the database refused a statement and said why. */
export function isConnectionLost(error: unknown): boolean {
  return field(error, 'severity') === undefined || /^(08|57P)/.test(String(field(error, 'code')));
}

/** Postgres' own driver says a code; Prisma wraps what a driver said. */
function driverCause(error: unknown): DriverCause {
  const meta = field(error, 'meta');
  const driver = field(meta, 'driverAdapterError') ?? error;
  const cause = field(driver, 'cause');
  return (cause as DriverCause | undefined) ?? { originalCode: field(error, 'code') };
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
