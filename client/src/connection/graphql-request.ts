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
