import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { StartError } from '../../config/start-error.ts';
import { isSignedBy, type Signer } from '../../journal/signer.ts';
import { exists, sync, withFileFailures } from '../backup/files.ts';

/** The newest event of one tape. */
const headSchema = z.strictObject({
  runId: z.string(),
  sessionId: z.string(),
  seq: z.int().positive(),
  hash: z.string(),
});
export type Head = z.infer<typeof headSchema>;

const firstLineSchema = z.object({
  format: z.literal('runtape-heads'),
  formatVersion: z.literal(1),
  createdAt: z.iso.datetime(),
  release: z.string(),
});

/** `sha256` is over all lines before this one, `signature` over `headsStatement`. */
const lastLineSchema = z.strictObject({
  tapes: z.int().nonnegative(),
  sha256: z.string(),
  publicKey: z.string().optional(),
  signature: z.string().optional(),
});

const headsStatement = (sha256: string) => `runtape heads\n${sha256}`;

const MAX_LINE_CHARACTERS = 2000;

/** Writes heads line by line. The file gets its name when it is complete and durable. Rejects with a StartError if it cannot be written. */
export interface HeadsWriter {
  add(head: Head): Promise<void>;
  finish(): Promise<void>;
  /** Removes what was written. Does nothing after `finish`. */
  discard(): Promise<void>;
}

interface HeadsOptions {
  createdAt: string;
  release: string;
  signer: Signer | null;
}

/** Throws a StartError if the file exists, or cannot be written. */
export async function createHeadsFile(path: string, options: HeadsOptions): Promise<HeadsWriter> {
  const onDisk = <T>(work: () => Promise<T>) => withFileFailures(`The heads ${path} cannot be written`, work);
  const writer = await onDisk(() => openWriter(path, options));
  return {
    add: (head) => onDisk(() => writer.add(head)),
    finish: () => onDisk(writer.finish),
    discard: () => onDisk(writer.discard),
  };
}

async function openWriter(path: string, { createdAt, release, signer }: HeadsOptions): Promise<HeadsWriter> {
  await checkNew(path);
  const partial = `${path}.partial-${randomBytes(4).toString('hex')}`;
  const file = await open(partial, 'wx', 0o600);
  const hash = createHash('sha256');
  let tapes = 0;
  let isOpen = true;
  const write = async (handle: FileHandle, line: object) => {
    const text = `${JSON.stringify(line)}\n`;
    hash.update(text);
    await handle.writeFile(text);
  };
  await write(file, { format: 'runtape-heads', formatVersion: 1, createdAt, release });
  return {
    async add(head) {
      tapes += 1;
      await write(file, head);
    },
    async finish() {
      const sha256 = hash.digest('hex');
      const signed = signer && { publicKey: signer.publicKey, signature: signer.sign(headsStatement(sha256)) };
      await file.writeFile(`${JSON.stringify({ tapes, sha256, ...signed })}\n`);
      await file.sync();
      await file.close();
      isOpen = false;
      await checkNew(path);
      await rename(partial, path);
      await sync(dirname(path));
    },
    async discard() {
      if (!isOpen) return;
      isOpen = false;
      await file.close();
      await rm(partial, { force: true });
    },
  };
}

async function checkNew(path: string): Promise<void> {
  if (await exists(path)) throw new StartError(`${path} exists already, and heads replace nothing. Name a new file.`);
}

export interface HeadsSummary {
  createdAt: string;
  tapes: number;
  /** The key whose signature is valid; null if the file is not signed. */
  publicKey: string | null;
}

/**
 * Checks that a file of heads is complete and unchanged, and its signature. Reads line by line. Throws a StartError if anything is
 * wrong.
 * @param expectedKey the only public key that may have signed the file; null for any key or none
 */
export async function checkHeadsFile(path: string, expectedKey: string | null): Promise<HeadsSummary> {
  const hash = createHash('sha256');
  let first: z.infer<typeof firstLineSchema> | null = null;
  let last: string | null = null;
  let tapes = -1;
  for await (const line of linesOf(path)) {
    if (last !== null) {
      hash.update(`${last}\n`);
      tapes += 1;
      first ??= parsed(path, firstLineSchema, last);
    }
    last = line;
  }
  if (first === null || last === null) throw unreadable(path);
  const end = parsed(path, lastLineSchema, last);
  if (end.tapes !== tapes || end.sha256 !== hash.digest('hex')) {
    throw new StartError(`${path} was changed, or its end is missing: its lines do not match their digest.`);
  }
  const { publicKey = null, signature = '' } = end;
  if (expectedKey !== null && publicKey !== expectedKey) {
    const actual = publicKey === null ? 'is not signed' : `is signed with the key ${publicKey}`;
    throw new StartError(`${path} ${actual}, and the key ${expectedKey} was expected. Name the right file or key.`);
  }
  if (publicKey !== null && !isSignedBy(publicKey, headsStatement(end.sha256), signature)) {
    throw new StartError(`${path} was changed: its signature is not valid.`);
  }
  return { createdAt: first.createdAt, tapes, publicKey };
}

/** The heads of a file that was checked. */
export async function* readHeads(path: string, { tapes }: HeadsSummary): AsyncGenerator<Head> {
  let index = -1;
  for await (const line of linesOf(path)) {
    if (index >= 0 && index < tapes) yield parsed(path, headSchema, line);
    index += 1;
  }
}

async function* piecesOf(path: string): AsyncGenerator<string> {
  const stream = createReadStream(path, 'utf8');
  try {
    yield* stream;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(`The heads ${path} cannot be read: ${reason}. Check the path and its permissions.`, error);
  }
}

async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = '';
  for await (const piece of piecesOf(path)) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
    if (rest.length > MAX_LINE_CHARACTERS) throw unreadable(path);
  }
  if (rest !== '') throw unreadable(path);
}

function parsed<T>(path: string, schema: z.ZodType<T>, line: string): T {
  try {
    return schema.parse(JSON.parse(line));
  } catch {
    throw unreadable(path);
  }
}

const unreadable = (path: string) =>
  new StartError(`${path} is not a complete file of heads. Name one that \`verify --write-heads\` wrote.`);
