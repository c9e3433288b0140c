import { createHash } from 'node:crypto';
import { databaseTime } from '../database/batch-statement.ts';
import type { Client, Database } from '../database/database.ts';
import type { Attachment, Blob } from '../database/generated/sqlite/client.ts';
import { lockRows } from '../database/locks.ts';
import { idList, writingStatement } from '../database/statement.ts';
import { defineTable } from '../database/table.ts';

export type AttachmentRow = Attachment;

const attachments = defineTable<AttachmentRow>('Attachment', {
  id: 'text',
  owner: 'text',
  name: 'text',
  mediaType: 'text',
  bytes: 'int',
  sha256: 'text',
  blobId: 'text',
  createdAt: 'timestamp',
});

const byIds = attachments.select(({ inIds }) => `WHERE "id" ${inIds} AND "owner" = ?`);

/** In no particular order. */
export function attachmentsByIds(database: Database, owner: string, ids: readonly string[]): Promise<AttachmentRow[]> {
  return database.query(byIds, idList(ids), owner);
}

const OWNER_CHARACTERS = 32;

/**
 * Where a store keeps a blob: the owner, the content, and the row. Because of the last part, bytes that are stored anew while the
 * old ones are removed have another key.
 */
export function blobKey({ id, owner, sha256 }: Pick<Blob, 'id' | 'owner' | 'sha256'>): string {
  const folder = createHash('sha256').update(owner).digest('hex').slice(0, OWNER_CHARACTERS);
  return `${folder}/${sha256.slice(0, 2)}/${sha256}-${id}`;
}

/** The blob with this content; null if the owner has none. */
export function blobOf(reader: Client, owner: string, sha256: string): Promise<Blob | null> {
  return reader.blob.findUnique({ where: { owner_sha256: { owner, sha256 } } });
}

export function blobById(reader: Client, id: string): Promise<Blob | null> {
  return reader.blob.findUnique({ where: { id } });
}

export function countAttachments(reader: Client, owner: string): Promise<number> {
  return reader.attachment.count({ where: { owner } });
}

/** Adds an attachment to a stored blob. Rejects with a StoreError `constraint` if the blob was deleted. */
export async function insertAttachment(database: Database, attachment: AttachmentRow): Promise<void> {
  await database.write((client) => client.attachment.create({ data: attachment }));
}

/** Makes sure that bytes which are about to be stored are removed again unless `insertBlob` follows. */
export async function announceBlob(database: Database, key: string, removeAfter: Date): Promise<void> {
  await database.write((client) => client.discardedBlob.create({ data: { key, after: removeAfter } }));
}

/**
 * Adds an announced blob and its first attachment. Returns false if its bytes may have been removed, because storing them took too
 * long. Rejects with a StoreError `constraint` if the owner has a blob with this content by now.
 */
export function insertBlob(database: Database, blob: Blob, attachment: AttachmentRow): Promise<boolean> {
  return database.write((client) =>
    client.$transaction(async (transaction) => {
      const { count } = await transaction.discardedBlob.deleteMany({ where: { key: blobKey(blob) } });
      if (count === 0) return false;
      await transaction.blob.create({ data: blob });
      await transaction.attachment.create({ data: attachment });
      return true;
    }),
  );
}

type Transaction = Pick<Client, 'attachment' | 'blob' | 'discardedBlob' | '$queryRawUnsafe'>;

/** A statement has a limited number of parameters. */
const MAX_IDS = 500;

/**
 * Deletes those of the attachments that no message refers to, and the blobs that no attachment refers to then. The bytes are
 * removed from the store afterwards.
 */
export async function deleteUnused(
  database: Database,
  transaction: Transaction,
  attachmentIds: readonly string[],
  now: Date,
): Promise<void> {
  for (let start = 0; start < attachmentIds.length; start += MAX_IDS) {
    const ids = attachmentIds.slice(start, start + MAX_IDS);
    // A message or an upload that refers to a row locks it too, so none is added between the check and the deletion.
    await lockRows(database, transaction, 'Attachment', ids);
    const unused = await transaction.attachment.findMany({ where: { id: { in: ids }, uses: { none: {} } } });
    await transaction.attachment.deleteMany({ where: { id: { in: unused.map(({ id }) => id) } } });
    const blobIds = [...new Set(unused.map(({ blobId }) => blobId))];
    await lockRows(database, transaction, 'Blob', blobIds);
    const blobs = await transaction.blob.findMany({ where: { id: { in: blobIds }, attachments: { none: {} } } });
    await transaction.discardedBlob.createMany({ data: blobs.map((blob) => ({ key: blobKey(blob), after: now })) });
    await transaction.blob.deleteMany({ where: { id: { in: blobs.map(({ id }) => id) } } });
  }
}

/** Deletes attachments that were uploaded before a time and that no message refers to, at most so many. Returns how many were found. */
export function deleteExpired(database: Database, before: Date, now: Date, limit: number): Promise<number> {
  return database.write((client) =>
    client.$transaction(async (transaction) => {
      const expired = await transaction.attachment.findMany({
        where: { createdAt: { lt: before }, uses: { none: {} } },
        orderBy: { createdAt: 'asc' },
        take: limit,
        select: { id: true },
      });
      const ids = expired.map(({ id }) => id);
      await deleteUnused(database, transaction, ids, now);
      return ids.length;
    }),
  );
}

const endStatement = writingStatement<{ key: string }>(
  { key: 'text' },
  () => `UPDATE "DiscardedBlob" SET "after" = ? RETURNING "key"`,
);

/** Lets announced bytes be removed at once. No upload may be in progress. */
export async function endAnnouncements(database: Database, now: Date): Promise<void> {
  await database.query(endStatement, databaseTime(now.getTime()));
}

/** Keys of blobs that have to be removed from the store by now. */
export async function discardedBlobs(reader: Client, now: Date, limit: number): Promise<string[]> {
  const rows = await reader.discardedBlob.findMany({
    where: { after: { lte: now } },
    orderBy: { after: 'asc' },
    take: limit,
  });
  return rows.map(({ key }) => key);
}

/** Call it after the bytes were removed from the store. */
export async function forgetDiscarded(database: Database, key: string): Promise<void> {
  await database.write((client) => client.discardedBlob.deleteMany({ where: { key } }));
}

/** Lets other blobs be removed first. */
export async function postponeDiscarded(database: Database, key: string, after: Date): Promise<void> {
  await database.write((client) => client.discardedBlob.updateMany({ where: { key }, data: { after } }));
}
