import { createServer } from 'node:http';
import { onTestFinished } from 'vitest';

const DIMENSIONS = 256;

/** An embedding server without a language model: texts that share sequences of three letters have similar vectors. */
export interface FakeEmbeddings {
  baseURL: string;
  /** The calls that succeeded. */
  calls: { model: string; input: string[] }[];
  /** What every call reports; null to report nothing. */
  promptTokens: number | null;
  /** The response to every call; null to respond with vectors. */
  failure: { status: number; body: string } | null;
}

export async function startFakeEmbeddings(): Promise<FakeEmbeddings> {
  const fake: FakeEmbeddings = { baseURL: '', calls: [], promptTokens: null, failure: null };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (fake.failure || request.url !== '/v1/embeddings') {
      response.writeHead(fake.failure?.status ?? 404).end(fake.failure?.body);
      return;
    }
    const { model, input }: { model: string; input: string[] } = JSON.parse(Buffer.concat(chunks).toString());
    fake.calls.push({ model, input });
    const data = input.map((text, index) => ({ index, embedding: embed(text, model.length) })).reverse();
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(
        JSON.stringify({ data, ...(fake.promptTokens !== null && { usage: { prompt_tokens: fake.promptTokens } }) }),
      );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  fake.baseURL = `http://127.0.0.1:${address.port}/v1`;
  return fake;
}

/** The number of occurrences of each sequence of three letters, by its hash. */
function embed(text: string, salt: number): number[] {
  const vector = new Array<number>(DIMENSIONS).fill(0);
  const letters = ` ${text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')} `;
  for (let at = 0; at + 3 <= letters.length; at += 1) {
    let hash = salt;
    for (const letter of letters.slice(at, at + 3)) hash = (Math.imul(hash, 31) + (letter.codePointAt(0) ?? 0)) >>> 0;
    const dimension = hash % DIMENSIONS;
    vector[dimension] = (vector[dimension] ?? 0) + 1;
  }
  return vector;
}
