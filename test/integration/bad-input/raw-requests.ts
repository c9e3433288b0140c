import { expect } from 'vitest';
import type { Answer } from '../../client.ts';
import { internals } from './internals.ts';

export interface RawResponse {
  status: number;
  text: string;
  body: Answer;
}

/** Posts any body. Fails if the response shows internals. */
export async function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<RawResponse> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return checkResponse(response.status, await response.text());
}

export function checkResponse(status: number, text: string): RawResponse {
  expect(text).not.toMatch(internals);
  try {
    return { status, text, body: JSON.parse(text) };
  } catch {
    return { status, text, body: {} };
  }
}

/** The `data` of an operation that must succeed. */
export async function dataOf(url: string, query: { toString(): string }, variables: unknown): Promise<unknown> {
  const { body } = await post(url, { query: query.toString(), variables });
  expect(body.errors).toBeUndefined();
  return body.data;
}

/** Code and message of the first error of an operation that must fail. */
export async function errorOf(url: string, query: { toString(): string }, variables: unknown) {
  const { body } = await post(url, { query: query.toString(), variables });
  const [error] = body.errors ?? [];
  if (!error) throw new Error(`There is no error: ${JSON.stringify(body)}`);
  return { code: error.extensions?.code, message: error.message };
}

/** The only field of a mutation's data. */
export async function outcomeOf(url: string, query: { toString(): string }, input: unknown) {
  const data = (await dataOf(url, query, { input })) as Record<string, { __typename: string; id?: string }>;
  return Object.values(data)[0];
}
