import type { IncomingMessage } from 'node:http';
import type { GraphQLError } from 'graphql';
import * as limits from '../../config/limits.ts';
import { badRequest, requestLimitPassed } from '../../graphql/public-errors.ts';
import { type JsonSize, measureJson } from '../../json-size.ts';

/** The members of a request: `query`, `variables` and so on. Their types are not checked yet. */
export type RequestParameters = Readonly<Record<string, unknown>>;

/** Resolves with the body, or with null if it is longer than `maxBytes`. Rejects if the client disconnects. */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | null> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return Promise.resolve(null);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBytes) chunks.push(chunk);
      else resolve(null);
    });
    request.once('error', reject);
    request.once('end', () => resolve(Buffer.concat(chunks)));
  });
}

/** The parameters in a JSON body. Throws a GraphQLError. */
export function parametersInBody(body: Uint8Array): RequestParameters {
  const parameters = parseBoundedJson(body, 'The body');
  if (Array.isArray(parameters)) {
    throw badRequest('Batches of operations are not supported. Send one operation, as a JSON object.');
  }
  if (typeof parameters === 'object' && parameters !== null) return parameters as RequestParameters;
  throw badRequest('The body must be a JSON object such as {"query": "…", "variables": {…}}.');
}

/** The parameters in the address of a GET request. Throws a GraphQLError. */
export function parametersInUrl(url: string): RequestParameters {
  const start = url.indexOf('?');
  const texts = new URLSearchParams(start < 0 ? '' : url.slice(start + 1));
  const parameters: Record<string, unknown> = {};
  for (const name of ['query', 'documentId', 'operationName']) {
    const text = texts.get(name);
    if (text !== null) parameters[name] = text;
  }
  for (const name of ['variables', 'extensions']) {
    const text = texts.get(name);
    if (text !== null && text !== '') parameters[name] = parseBoundedJson(Buffer.from(text), `The parameter "${name}"`);
  }
  return parameters;
}

/** Parses JSON whose size allows it to be processed without blocking the event loop. Throws a GraphQLError. */
export function parseBoundedJson(bytes: Uint8Array, subject: string): unknown {
  const problem = sizeProblem(measureJson(bytes), subject);
  if (problem) throw problem;
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString());
  } catch (error) {
    throw badRequest(`${subject} is not valid JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function sizeProblem({ levels, values, members }: JsonSize, subject: string): GraphQLError | null {
  if (levels > limits.BODY_LEVELS) {
    return requestLimitPassed(
      'bodyLevels',
      `${subject} is nested more than ${limits.BODY_LEVELS} levels deep. Send flatter values, or text.`,
      400,
    );
  }
  if (values > limits.BODY_VALUES || members > limits.BODY_MEMBERS) {
    return requestLimitPassed(
      'bodyValues',
      `${subject} has ${values} JSON values and ${members} members of objects; at most ${limits.BODY_VALUES} and ${limits.BODY_MEMBERS} are allowed. Send fewer, or send them as text.`,
      400,
    );
  }
  return null;
}
