import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { createServerFolder } from '../e2e/server-process.ts';

/**
 * `npm run soak:uploads`: 20 files of 50 MB at the same time, or the numbers given as arguments. Prints the memory of the server
 * before, at most during, and after. Fails if a file is stored with another digest. Needs Linux.
 */
const [count = '20', megabytes = '50'] = process.argv.slice(2);
const bytes = Number(megabytes) * 1_000_000;
const PIECE_BYTES = 64 * 1024;

await using home = await createServerFolder({ attachments: { maxBytes: bytes } });
const server = await home.start();

function serverMegabytes(): number {
  const [, kilobytes = ''] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.processId}/status`, 'utf8')) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}

/** Pieces of a file that is unlike the others. */
function* pieces(file: number): Generator<Buffer> {
  const piece = Buffer.alloc(PIECE_BYTES, file + 1);
  for (let left = bytes; left > 0; left -= PIECE_BYTES) yield piece.subarray(0, Math.min(left, PIECE_BYTES));
}

async function upload(file: number): Promise<void> {
  const hash = createHash('sha256');
  for (const piece of pieces(file)) hash.update(piece);
  const response = await fetch(new URL(`/attachments?name=${file}`, server.url), {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(bytes) },
    body: Readable.toWeb(Readable.from(pieces(file))) as ReadableStream,
    duplex: 'half',
  } as RequestInit);
  const answer = (await response.json()) as { sha256?: string };
  if (answer.sha256 !== hash.digest('hex'))
    throw new Error(`Upload ${file}: ${response.status} ${JSON.stringify(answer)}`);
}

const before = serverMegabytes();
let most = before;
const sampling = setInterval(() => {
  most = Math.max(most, serverMegabytes());
}, 20);
const start = performance.now();
await Promise.all(Array.from({ length: Number(count) }, (_, file) => upload(file)));
clearInterval(sampling);
const seconds = ((performance.now() - start) / 1000).toFixed(1);
console.log(
  `${count} uploads of ${megabytes} MB in ${seconds} s. Memory of the server: ${before} MiB before, ${most} MiB at most, ${serverMegabytes()} MiB after.`,
);
