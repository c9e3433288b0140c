/** What went wrong in the store, as far as a caller can act on it. */
export type StoreFailure =
  /** A rule of the database refused the rows; `detail` names it. Nothing was written. */
  | 'constraint'
  /** Somebody else holds the database; the same write may succeed later. */
  | 'busy'
  /** No room, read-only, gone or broken: an operator must act. */
  | 'unavailable';

/** A failure of the store. Nothing of the write that it answers has been stored. */
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
  unavailable: 'The database can not be written. Nothing was stored; try again later.',
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
  if (/^SQLITE_CONSTRAINT|UniqueConstraintViolation|ForeignKeyConstraintViolation|^23|^P0001/.test(code)) {
    return new StoreError('constraint', words, error);
  }
  if (/^SQLITE_(BUSY|LOCKED)|SocketTimeout|^55P03|^40/.test(code)) return new StoreError('busy', words, error);
  return new StoreError('unavailable', words, error);
}

function driverCause(error: unknown): DriverCause {
  const meta = field(error, 'meta');
  const driver = field(meta, 'driverAdapterError') ?? error;
  return (field(driver, 'cause') as DriverCause | undefined) ?? {};
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
