/** A POST request with one operation. */
export function graphqlRequest(
  query: string,
  variables: object,
  token: string | null,
  accept: string,
  signal: AbortSignal,
): RequestInit {
  const headers: Record<string, string> = { accept, 'content-type': 'application/json' };
  if (token) headers.authorization = `Bearer ${token}`;
  return { method: 'POST', headers, signal, body: JSON.stringify({ query, variables }) };
}
