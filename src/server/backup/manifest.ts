import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { StartError } from '../../config/start-error.ts';

export const MANIFEST_FILE = 'manifest.json';
export const DATABASE_FILE = 'runtape.db';
export const ATTACHMENTS_FOLDER = 'attachments';

const FORMAT_VERSION = 1;
const MAX_MANIFEST_BYTES = 64 * 1024;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const manifestSchema = z.object({
  format: z.literal('runtape-backup'),
  formatVersion: z.literal(FORMAT_VERSION),
  createdAt: z.iso.datetime(),
  /** The version of the program that wrote the backup. */
  release: z.string(),
  /** The newest migration of the database. */
  migration: z.string(),
  database: z.object({ bytes: z.int().positive(), sha256, tapes: z.int().nonnegative() }),
  /** `files` and `bytes` of the copies; an object store is not copied. */
  attachments: z.discriminatedUnion('storage', [
    z.object({ storage: z.literal('folder'), files: z.int().nonnegative(), bytes: z.int().nonnegative() }),
    z.object({ storage: z.literal('s3'), bucket: z.string(), prefix: z.string() }),
  ]),
});

/** What a backup contains. The digests of attachments are rows of the database. */
export type Manifest = z.infer<typeof manifestSchema>;

export const currentFormat = { format: 'runtape-backup', formatVersion: FORMAT_VERSION } as const;

const versionSchema = z.object({ format: z.literal('runtape-backup'), formatVersion: z.number() });

/** Reads the manifest of a backup. Throws a StartError that says what is wrong with it. */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, MANIFEST_FILE);
  const json = parse(await readText(path, folder));
  const manifest = manifestSchema.safeParse(json);
  if (manifest.success) return manifest.data;
  const version = versionSchema.safeParse(json);
  if (version.success && version.data.formatVersion > FORMAT_VERSION) {
    throw new StartError(`The backup ${folder} was written by a newer release. Restore it with that release.`);
  }
  throw new StartError(`${path} is not the manifest of a backup, or was changed. Use another backup.`);
}

async function readText(path: string, folder: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const buffer = Buffer.alloc(MAX_MANIFEST_BYTES);
      const { bytesRead } = await file.read(buffer);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(
      `${folder} is not a complete backup: its ${MANIFEST_FILE} cannot be read (${reason}). Name a folder that \`backup\` wrote.`,
      error,
    );
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
