import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { AttachmentRef } from '../../domain/events.ts';
import { type AttachmentRow, attachmentsByIds, blobById, blobKey } from '../../repositories/attachments.ts';
import type { CommandContext } from '../command-context.ts';

export type BlobSource = Pick<CommandContext, 'database' | 'blobs'>;

/** An attachment and its bytes. */
export interface OpenAttachment {
  attachment: AttachmentRow;
  content: Readable;
}

/** The attachment with this id; null if the owner has none. Rejects if its bytes are missing. */
export async function openAttachment(
  { database, blobs }: BlobSource,
  owner: string,
  id: string,
): Promise<OpenAttachment | null> {
  const [attachment] = await attachmentsByIds(database, owner, [id]);
  const blob = attachment && (await blobById(database.reader, attachment.blobId));
  if (!attachment || !blob) return null;
  const content = await blobs.read(blobKey(blob));
  if (content === null) throw new Error(`The bytes of attachment ${id} are not in the store.`);
  return { attachment, content };
}

/** All bytes of an attachment, compared with the digest on the tape. Rejects if they are not what was uploaded. */
export async function readAttachment(
  source: BlobSource,
  owner: string,
  { id, sha256 }: AttachmentRef,
): Promise<Buffer> {
  const opened = await openAttachment(source, owner, id);
  if (opened === null) throw new Error(`There is no attachment ${id}.`);
  const hash = createHash('sha256');
  const pieces: Buffer[] = [];
  for await (const piece of opened.content) {
    hash.update(piece);
    pieces.push(piece);
  }
  if (hash.digest('hex') !== sha256) throw new Error(`The stored bytes of attachment ${id} have changed.`);
  return Buffer.concat(pieces);
}
