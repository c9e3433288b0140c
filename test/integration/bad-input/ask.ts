import { expect } from 'vitest';
import type { Answer } from '../../client.ts';
import { internals } from './internals.ts';

export interface Asked {
  status: number;
  text: string;
  body: Answer;
}

/** Sends any body, and holds the answer to what every answer must be: it shows nothing of the inside. */
export async function ask(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Asked> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return checked(response.status, await response.text());
}

export function checked(status: number, text: string): Asked {
  expect(text).not.toMatch(internals);
  try {
    return { status, text, body: JSON.parse(text) };
  } catch {
    return { status, text, body: {} };
  }
}

/** An operation and its variables; the answer's `data`, where there must be one. */
export async function dataOf(url: string, query: { toString(): string }, variables: unknown): Promise<unknown> {
  const { body } = await ask(url, { query: query.toString(), variables });
  expect(body.errors).toBeUndefined();
  return body.data;
}

/** The code and the message of the first error of an operation that must fail. */
export async function errorOf(url: string, query: { toString(): string }, variables: unknown) {
  const { body } = await ask(url, { query: query.toString(), variables });
  const [error] = body.errors ?? [];
  if (!error) throw new Error(`There is no error: ${JSON.stringify(body)}`);
  return { code: error.extensions?.code, message: error.message };
}

/** The one field of a mutation's answer. */
export async function outcomeOf(url: string, query: { toString(): string }, input: unknown) {
  const data = (await dataOf(url, query, { input })) as Record<string, { __typename: string; id?: string }>;
  return Object.values(data)[0];
}
