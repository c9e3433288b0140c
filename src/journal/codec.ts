import { hash as digestOf } from 'node:crypto';
import { z } from 'zod';
import { EVENT_BYTES } from '../config/limits.ts';
import {
  actors,
  type EventType,
  type Json,
  payloadSchemas,
  type RecordedEvent,
  SCHEMA_VERSION,
  type StampedEvent,
} from '../domain/events.ts';
import { canonicalJson } from './canonical-json.ts';

/** An event as it is stored. */
export interface StoredEvent {
  runId: string;
  seq: number;
  type: string;
  actor: string;
  schemaVersion: number;
  /** Epoch milliseconds. */
  recordedAt: number;
  epoch: number | null;
  /** Canonical JSON. */
  payload: string;
  hash: string;
}

/** The previous hash of the first event of every tape. */
export const GENESIS_HASH = '0'.repeat(64);

/** SHA-256 over the hash of the previous event and every column of this one, in lower-case hex. */
export function hashOf(previousHash: string, event: Omit<StoredEvent, 'hash'>): string {
  const { runId, seq, type, actor, schemaVersion, recordedAt, epoch, payload } = event;
  const header = JSON.stringify([runId, seq, type, actor, schemaVersion, recordedAt, epoch]);
  return digestOf('sha256', `${previousHash}\n${header}\n${payload}`);
}

/** Throws an EventTooLargeError if the payload is longer than an event may be. */
export function encode(
  event: StampedEvent,
  position: { runId: string; seq: number; epoch: number | null; previousHash: string },
): { stored: StoredEvent; recorded: RecordedEvent; payloadBytes: number } {
  const { runId, seq, epoch, previousHash } = position;
  const { type, actor, recordedAt } = event;
  const { text, value } = canonicalJson(event.payload as Json);
  const payloadBytes = Buffer.byteLength(text);
  if (payloadBytes > EVENT_BYTES) throw new EventTooLargeError(runId, type);
  const schemaVersion = SCHEMA_VERSION;
  const hash = hashOf(previousHash, { runId, seq, type, actor, schemaVersion, recordedAt, epoch, payload: text });
  const stored = { runId, seq, type, actor, schemaVersion, recordedAt, epoch, payload: text, hash };
  const recorded = { runId, seq, type, actor, schemaVersion, recordedAt, epoch, payload: value, hash } as RecordedEvent;
  return { stored, recorded, payloadBytes };
}

/** An event that is too large for readers to hold. The code that creates events must limit their content. */
export class EventTooLargeError extends Error {
  constructor(runId: string, type: EventType) {
    super(`An event of type ${type} of ${runId} is longer than ${EVENT_BYTES} bytes.`);
    this.name = 'EventTooLargeError';
  }
}

/** Stored data that this release cannot read: a newer release wrote it, or it is damaged. */
export class CodecError extends Error {
  constructor(runId: string, seq: unknown, fault: string) {
    super(`Event ${seq} of ${runId} cannot be read: ${fault}`);
    this.name = 'CodecError';
  }
}

const storedColumns = z.tuple([
  z.int().positive().describe('seq'),
  z.string().describe('type'),
  z.enum(actors).describe('actor'),
  z.int().positive().describe('schemaVersion'),
  z.int().describe('recordedAt'),
  z.int().nullable().describe('epoch'),
  z.string().describe('payload'),
  z.string().describe('hash'),
]);

/** The columns of the table in the order in which `decodeColumns` expects their values. */
export const storedColumnNames = ['seq', 'type', 'actor', 'schemaVersion', 'recordedAt', 'epoch', 'payload', 'hash'];

/** Throws a CodecError if a value is not of its column's type. */
export function decodeColumns(runId: string, columns: unknown): StoredEvent {
  const parsed = storedColumns.safeParse(columns);
  if (!parsed.success)
    throw new CodecError(runId, Array.isArray(columns) ? columns[0] : null, z.prettifyError(parsed.error));
  const [seq, type, actor, schemaVersion, recordedAt, epoch, payload, hash] = parsed.data;
  return { runId, seq, type, actor, schemaVersion, recordedAt, epoch, payload, hash };
}

/** Throws a CodecError if this release does not know the event's type or version, or if the payload does not match the schema. */
export function decode(stored: StoredEvent): RecordedEvent {
  const { runId, seq, type, schemaVersion, payload } = stored;
  if (schemaVersion > SCHEMA_VERSION) {
    throw new CodecError(runId, seq, `this release does not know schema version ${schemaVersion}`);
  }
  if (!isEventType(type)) throw new CodecError(runId, seq, `this release does not know type ${type}`);
  const parsed = payloadSchemas[type].safeParse(upgrade(type, schemaVersion, parseJson(payload)));
  if (!parsed.success) throw new CodecError(runId, seq, z.prettifyError(parsed.error));
  return { ...stored, type, payload: parsed.data } as RecordedEvent;
}

/** Turns the payload of an older schema version into the current form. */
function upgrade(type: EventType, schemaVersion: number, payload: unknown): unknown {
  // Version 2 calls a text that is stored beside the tape `storedText`.
  if (schemaVersion < 2 && type === 'tool_result' && isRecord(payload)) {
    const { attachment, ...rest } = payload;
    return { ...rest, storedText: attachment };
  }
  return payload;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

function isEventType(type: string): type is EventType {
  return Object.hasOwn(payloadSchemas, type);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
