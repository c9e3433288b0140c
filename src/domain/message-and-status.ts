import type { AttachmentRef, ClientToolDeclaration, NewEvent, PayloadOf, RunOrigin } from './events.ts';
import { type Metadata, noMetadata } from './metadata.ts';
import type { RunStatus } from './transitions.ts';

/** What a message consists of. */
export interface MessageContent {
  text: string;
  idempotencyKey: string | null;
  /** None if it is missing. */
  metadata?: Metadata;
  /** None if it is missing. */
  attachments?: readonly AttachmentRef[];
  /** None if they are missing. */
  clientTools?: readonly ClientToolDeclaration[];
}

/** @param origin null for a message that is steered into the run */
export function inputEvent(
  { text, idempotencyKey, metadata = noMetadata, attachments = [], clientTools = [] }: MessageContent,
  origin: RunOrigin | null,
): NewEvent {
  const payload: PayloadOf<'input'> = { text, steered: origin === null, idempotencyKey, origin };
  if (Object.keys(metadata).length > 0) payload.metadata = { ...metadata };
  if (attachments.length > 0) payload.attachments = [...attachments];
  if (clientTools.length > 0) payload.clientTools = [...clientTools];
  return { type: 'input', actor: 'USER', payload };
}

type Status = Extract<NewEvent, { type: 'status' }>;

export function statusEvent(
  actor: Status['actor'],
  from: RunStatus | null,
  to: RunStatus,
  more: Partial<Status['payload']> = {},
): NewEvent {
  return { type: 'status', actor, payload: { from, to, reason: null, error: null, turn: null, ...more } };
}
