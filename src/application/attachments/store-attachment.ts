import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { ReceivedFile } from '../../attachments/uploads.ts';
import * as limits from '../../config/limits.ts';
import { StoreError } from '../../database/store-error.ts';
import { invalidInput, isRefusal, limitExceeded, type Refusal } from '../../domain/refusal.ts';
import {
  type AttachmentRow,
  announceBlob,
  blobKey,
  blobOf,
  countAttachments,
  insertAttachment,
  insertBlob,
} from '../../repositories/attachments.ts';
import type { CommandContext, Viewer } from '../command-context.ts';
import { parseInput, text } from '../parse-input.ts';
import { removeBlob } from './remove-blobs.ts';

/** Files go by their names in messages to models and in downloads, so a name has no path and no invisible characters. */
const nameSchema = text(limits.ATTACHMENT_NAME_BYTES)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
  .refine((name) => !/[\u0000-\u001f\u007f/\\]/.test(name), 'must not contain slashes or control characters');

const schema = z.object({
  name: nameSchema,
  /** Base64 of the SHA-256 that the client computed; null if it gave none. */
  sha256: z.string().nullable(),
});

export type StoredAttachment = { kind: 'stored'; attachment: AttachmentRow };

/** Another server can store or delete equal bytes at the same time. */
const ATTEMPTS = 3;
/** After this time, bytes that were stored without a row are removed. */
const STORING_MILLISECONDS = 60 * 60 * 1000;

/**
 * Receives a file, and stores it with its row. Equal bytes of one owner are stored once. After a refusal nothing is stored. Rejects
 * with a DiskFullError while the disk is almost full.
 */
export async function storeAttachment(
  context: CommandContext,
  viewer: Viewer,
  raw: z.input<typeof schema>,
  stream: Readable,
): Promise<StoredAttachment | Refusal> {
  const parsed = parseInput(schema, raw);
  if (isRefusal(parsed)) return parsed;
  context.diskSpace.check('uploads');
  const overQuota = await context.quotas.check(viewer.principal, { bytes: 0 });
  if (overQuota) return overQuota;
  const { maxBytes, perOwner } = context.settings.attachments;
  if ((await countAttachments(context.database.reader, viewer.principal)) >= perOwner) {
    return limitExceeded(
      'attachmentsPerOwner',
      `${perOwner} attachments are stored, which is the limit. Purge sessions that no longer need theirs.`,
    );
  }
  const file = await context.uploads.receive(stream, maxBytes);
  if (file === null) {
    return limitExceeded('attachmentBytes', `The file is longer than ${maxBytes} bytes, which is the limit.`);
  }
  try {
    if (file.bytes === 0) return invalidInput([], 'The file is empty. Send its bytes as the body of the request.');
    const digest = Buffer.from(file.sha256, 'hex').toString('base64');
    if (parsed.input.sha256 !== null && parsed.input.sha256 !== digest) {
      const message = `The body has the SHA-256 ${digest}, but Content-Digest says ${parsed.input.sha256}. Send the file again.`;
      return invalidInput(['Content-Digest'], message);
    }
    // One at a time, so that files which are uploaded together do not exceed the quota together.
    return await context.mutex.run(`files of ${viewer.principal}`, async () => {
      const isStored = (await blobOf(context.database.reader, viewer.principal, file.sha256)) !== null;
      const refusal = isStored ? null : await context.quotas.check(viewer.principal, { bytes: file.bytes });
      return refusal ?? { kind: 'stored', attachment: await record(context, viewer, parsed.input.name, file) };
    });
  } finally {
    await context.uploads.discard(file);
  }
}

async function record(
  context: CommandContext,
  { principal: owner }: Viewer,
  name: string,
  file: ReceivedFile,
): Promise<AttachmentRow> {
  const { bytes, sha256, mediaType } = file;
  const id = context.newId('attachment');
  const row = { id, owner, name, mediaType, bytes, sha256, createdAt: new Date(context.now()) };
  for (let tries = 0; tries < ATTEMPTS; tries += 1) {
    const existing = await blobOf(context.database.reader, owner, sha256);
    const attachment = { ...row, blobId: existing?.id ?? context.newId('blob') };
    try {
      if (existing) await insertAttachment(context.database, attachment);
      else await storeBlob(context, attachment, file);
      return attachment;
    } catch (error) {
      if (!(error instanceof StoreError && error.failure === 'constraint')) throw error;
    }
  }
  throw new StoreError('busy', `attachments with the content ${sha256} are changing too fast`);
}

/** The announcement makes sure that the bytes are removed if this server is lost before the rows are written. */
async function storeBlob(context: CommandContext, attachment: AttachmentRow, file: ReceivedFile): Promise<void> {
  const { database, blobs, now } = context;
  const blob = { id: attachment.blobId, owner: attachment.owner, sha256: attachment.sha256 };
  const key = blobKey(blob);
  await announceBlob(database, key, new Date(now() + STORING_MILLISECONDS));
  try {
    await blobs.put(key, file);
    if (await insertBlob(database, blob, attachment)) return;
  } catch (error) {
    // If the database cannot tell whether the rows were written, the announcement decides later.
    if (!(error instanceof StoreError && error.failure === 'unknown')) await removeBlob(context, key);
    throw error;
  }
  // A sweep has removed what was announced, perhaps before the bytes were there. They need a new announcement in case the store fails now.
  await announceBlob(database, key, new Date(now()));
  await removeBlob(context, key);
  throw new StoreError('busy', `storing ${key} took longer than ${STORING_MILLISECONDS} ms`);
}
