import { z } from 'zod';
import { FILE_PATH_BYTES, FILE_READ_BYTES, FILE_WRITE_BYTES } from '../../config/limits.ts';
import type { Json } from '../../domain/events.ts';
import { type CallTarget, defineTool, type Tool } from '../tool.ts';
import { listFolder, readWhole, writeWhole } from './file-access.ts';
import type { Folder } from './folder.ts';

const path = z.string().min(1).describe('relative to the workspace, with / between folders');
const encoding = z
  .enum(['utf8', 'base64'])
  .default('utf8')
  .describe('utf8 for text, base64 for bytes of any other kind');

const listInput = z.strictObject({ path: path.default('.') });
const readInput = z.strictObject({ path, encoding });
const writeInput = z.strictObject({ path, content: z.string(), encoding });
type WriteInput = z.infer<typeof writeInput>;

const common = { idempotent: true, timeoutSeconds: 30 };

/**
 * Tools that list, read and write files in the workspace of the caller, and nowhere else.
 *
 * @param workspaceOf the folder of a principal
 */
export function createFileTools(workspaceOf: (principal: string) => Promise<Folder>): Tool[] {
  return [
    defineTool({
      ...common,
      name: 'files_list',
      risk: 'LOW',
      parallelSafe: true,
      input: listInput,
      description: 'Lists a folder of the workspace: files with their sizes, folders, links.',
      refuse: (input) => pathError(input.path),
      target: (input) => targetOf(input.path),
      execute: async (input, { session }) => {
        const { entries, isComplete } = await withPathInErrors(input.path, async () =>
          listFolder(await workspaceOf(session.owner), partsOf(input.path)),
        );
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
      refuse: (input) => pathError(input.path),
      target: (input) => targetOf(input.path),
      execute: (input, { session }) =>
        withPathInErrors(input.path, async () => {
          const bytes = await readWhole(await workspaceOf(session.owner), partsOf(input.path));
          return presentFile(input.path, bytes, input.encoding);
        }),
    }),
    defineTool({
      ...common,
      name: 'files_write',
      risk: 'HIGH',
      parallelSafe: false,
      input: writeInput,
      description: 'Writes a whole file of the workspace. Replaces an existing file and creates missing folders.',
      refuse: (input) => pathError(input.path) ?? contentError(input),
      target: (input) => targetOf(input.path),
      execute: async (input, { session }) => {
        const content = Buffer.from(input.content, input.encoding);
        const { created } = await withPathInErrors(input.path, async () =>
          writeWhole(await workspaceOf(session.owner), partsOf(input.path), content),
        );
        return { path: input.path, bytes: content.length, created };
      },
    }),
  ];
}

/** Without empty parts and `.`, so that a path has one spelling. */
function targetOf(text: string): CallTarget {
  const normal = partsOf(text).join('/') || '.';
  return { text: normal, grantable: normal };
}

/** Why a path leads out of the workspace by its text alone, or is not portable. Links are checked when it is opened. */
function pathError(text: string): string | null {
  const problem = pathProblem(text);
  return problem === null ? null : `The path ${JSON.stringify(text.slice(0, 200))} ${problem}`;
}

function pathProblem(text: string): string | null {
  if (text.includes('\0')) return 'contains a NUL character.';
  if (!text.isWellFormed()) return 'contains an unpaired surrogate.';
  if (Buffer.byteLength(text) > FILE_PATH_BYTES) return `is longer than ${FILE_PATH_BYTES} bytes.`;
  // Windows reads these as separators, drives and streams.
  if (text.includes('\\')) return 'contains a backslash. Use / between folders.';
  if (text.startsWith('/') || /^[A-Za-z]:/.test(text)) return 'is absolute. Use a path relative to the workspace.';
  if (text.split('/').includes('..')) return 'contains "..". Use a path inside the workspace.';
  return null;
}

function partsOf(text: string): string[] {
  const error = pathError(text);
  if (error !== null) throw new Error(error);
  return text.split('/').filter((part) => part !== '' && part !== '.');
}

function contentError({ path: text, content, encoding: format }: WriteInput): string | null {
  if (partsOf(text).length === 0) return 'The path is the workspace itself. Give the path of a file.';
  const isCanonical = format === 'utf8' || Buffer.from(content, 'base64').toString('base64') === content;
  if (!isCanonical) return 'The content is not valid base64. It needs padding and must not contain line breaks.';
  const bytes = Buffer.byteLength(content, format);
  return bytes > FILE_WRITE_BYTES ? `The content has ${bytes} bytes, more than ${FILE_WRITE_BYTES}.` : null;
}

function presentFile(text: string, bytes: Buffer, format: 'utf8' | 'base64'): Json {
  const content = format === 'base64' ? bytes.toString('base64') : decodeText(bytes);
  if (content === null) throw new Error('It is not UTF-8 text. Read it with the encoding "base64".');
  return { path: text, bytes: bytes.length, encoding: format, content };
}

function decodeText(bytes: Buffer): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}

const reasonsByCode: Readonly<Record<string, string>> = {
  ENOENT: 'There is no such file or folder.',
  ENOTDIR: 'A part of the path is not a folder.',
  EISDIR: 'It is a folder.',
  EACCES: 'The gateway has no permission to open it.',
  EPERM: 'The gateway has no permission to do that.',
  ELOOP: 'Its links form a cycle.',
  ENAMETOOLONG: 'A name in it is too long.',
  ENOSPC: 'The disk is full.',
  EROFS: 'The disk is read-only.',
  ENXIO: 'It is not a file.',
};

/** Adds the path to errors, and hides where the workspace is on the machine. */
async function withPathInErrors<Result>(text: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : null;
    const reason = code === null ? (error instanceof Error ? error.message : String(error)) : reasonsByCode[code];
    throw new Error(`${text}: ${reason ?? `The system refused it (${code}).`}`);
  }
}
