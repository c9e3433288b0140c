import { z } from 'zod';
import { FILE_READ_BYTES, FILE_WRITE_BYTES } from '../../config/limits.ts';
import type { Json } from '../../domain/events.ts';
import { defineTool, type Tool } from '../tool.ts';
import { listFolder, readWhole, writeWhole } from './file-access.ts';
import { parsePath } from './file-path.ts';
import type { Folder } from './folder.ts';

const path = z.string().min(1).describe('as seen from the folder of the files, with / between folders');
const encoding = z
  .enum(['utf8', 'base64'])
  .default('utf8')
  .describe('utf8 for text, base64 for bytes of any other kind');

const listInput = z.strictObject({ path: path.default('.') });
const readInput = z.strictObject({ path, encoding });
const writeInput = z.strictObject({ path, content: z.string(), encoding });
type WriteInput = z.infer<typeof writeInput>;

const common = { idempotent: true, timeoutSeconds: 30 };

/** Lists, reads and writes files inside one folder, and nowhere else. */
export function createFileTools(folder: Folder): Tool[] {
  return [
    defineTool({
      ...common,
      name: 'files_list',
      risk: 'LOW',
      parallelSafe: true,
      input: listInput,
      description: 'Lists what a folder of the workspace holds: files with their sizes, folders, links.',
      forbid: (input) => pathProblem(input.path),
      execute: async (input) => {
        const { entries, isComplete } = await named(input.path, () => listFolder(folder, partsOf(input.path)));
        return { path: input.path, entries: entries.map((entry) => ({ ...entry })), complete: isComplete };
      },
    }),
    defineTool({
      ...common,
      name: 'files_read',
      risk: 'LOW',
      parallelSafe: true,
      input: readInput,
      description: `Reads a whole file of the workspace, up to ${FILE_READ_BYTES} bytes.`,
      forbid: (input) => pathProblem(input.path),
      execute: async (input) => {
        const bytes = await named(input.path, () => readWhole(folder, partsOf(input.path)));
        return named(input.path, async () => presentFile(input.path, bytes, input.encoding));
      },
    }),
    defineTool({
      ...common,
      name: 'files_write',
      risk: 'HIGH',
      parallelSafe: false,
      input: writeInput,
      description:
        'Writes a whole file of the workspace, in the place of the one that may be there; makes missing folders.',
      forbid: (input) => pathProblem(input.path) ?? contentProblem(input),
      execute: async (input) => {
        const content = Buffer.from(input.content, input.encoding);
        const { created } = await named(input.path, () => writeWhole(folder, partsOf(input.path), content));
        return { path: input.path, bytes: content.length, created };
      },
    }),
  ];
}

function pathProblem(text: string): string | null {
  const parsed = parsePath(text);
  return parsed.ok ? null : parsed.error;
}

function partsOf(text: string): string[] {
  const parsed = parsePath(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.parts;
}

function contentProblem({ path: name, content, encoding }: WriteInput): string | null {
  if (partsOf(name).length === 0) return 'The path names no file.';
  const isCanonical = encoding === 'utf8' || Buffer.from(content, 'base64').toString('base64') === content;
  if (!isCanonical) return 'The content is not base64: it takes padding and no line breaks.';
  const bytes = Buffer.byteLength(content, encoding);
  return bytes > FILE_WRITE_BYTES ? `The content has ${bytes} bytes, more than ${FILE_WRITE_BYTES}.` : null;
}

function presentFile(name: string, bytes: Buffer, encoding: 'utf8' | 'base64'): Json {
  if (encoding === 'base64') return { path: name, bytes: bytes.length, encoding, content: bytes.toString('base64') };
  const content = textOf(bytes);
  if (content === null) throw new Error('It is not UTF-8 text. Read it with the encoding "base64".');
  return { path: name, bytes: bytes.length, encoding, content };
}

function textOf(bytes: Buffer): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'There is no such file or folder.',
  ENOTDIR: 'A part of the path is not a folder.',
  EISDIR: 'It is a folder.',
  EACCES: 'The gateway is not permitted to open it.',
  EPERM: 'The gateway is not permitted to do that.',
  ELOOP: 'Its links lead in circles.',
  ENAMETOOLONG: 'A name in it is too long.',
  ENOSPC: 'The disk is full.',
  EROFS: 'The disk can only be read.',
  ENXIO: 'It is not a file.',
};

/** Says which path failed and why, and nothing of where the folder lies on the machine. */
async function named<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : null;
    const reason = code === null ? (error instanceof Error ? error.message : String(error)) : reasons[code];
    throw new Error(`${name}: ${reason ?? `The system refused it (${code}).`}`);
  }
}
