import { errorOf, offline, RuntapeError } from '../runtape-error.ts';
import type { Result } from './link.ts';

export const bearer = (token: string | null): Record<string, string> =>
  token ? { authorization: `Bearer ${token}` } : {};

/** A POST request with one operation. */
export function graphqlRequest(
  query: string,
  variables: object,
  token: string | null,
  accept: string,
  signal: AbortSignal,
): RequestInit {
  const headers = { accept, 'content-type': 'application/json', ...bearer(token) };
  return { method: 'POST', headers, signal, body: JSON.stringify({ query, variables }) };
}

/** The body of an answer. Rejects with the errors that it names, and if it is not JSON: a proxy may answer with a page of its own. */
export async function answerOf<Body>(response: Response): Promise<Body> {
  const { status } = response;
  const text = await response.text();
  let answer: Result;
  let errors: Result['errors'];
  try {
    answer = JSON.parse(text);
    ({ errors } = answer);
  } catch {
    if (status >= 500 || status === 429) throw offline(`HTTP status ${status}`);
    const message = `The answer is not of a GraphQL server: HTTP status ${status}, ${text.slice(0, 80)}`;
    throw new RuntapeError('PROTOCOL', message);
  }
  if (errors) throw errorOf(errors);
  return answer as Body;
}
