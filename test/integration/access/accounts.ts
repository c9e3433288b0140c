import { createHash } from 'node:crypto';
import { startTestGateway, type TestGateway } from '../gateway.ts';

/** Tokens of the tests. Those whose names begin with `ada` belong to the same principal. */
export const tokens = {
  ada: 'token-of-ada',
  bob: 'token-of-bob',
  adaReads: 'token-of-ada-for-reading',
  adaWrites: 'token-of-ada-for-writing',
  adaApproves: 'token-of-ada-for-approving',
  /** May settle the approvals of all principals. */
  eve: 'token-of-eve',
  adaApprovesAny: 'token-of-ada-for-approving-any',
  eveApprovesAny: 'token-of-eve-for-approving-any',
};

export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** An entry of `auth.tokens` in the configuration. */
export const entry = (token: string, principal: string, scopes: string[], more = {}) => ({
  sha256: sha256(token),
  principal,
  scopes,
  ...more,
});

const allScopes = ['read', 'write', 'approve', 'admin'];

export const auth = {
  mode: 'tokens',
  tokens: [
    entry(tokens.ada, 'ada', allScopes),
    entry(tokens.bob, 'bob', allScopes),
    entry(tokens.adaReads, 'ada', ['read']),
    entry(tokens.adaWrites, 'ada', ['write']),
    entry(tokens.adaApproves, 'ada', ['read', 'approve']),
    entry(tokens.eve, 'eve', [...allScopes, 'approve:any']),
    entry(tokens.adaApprovesAny, 'ada', ['read', 'approve', 'approve:any']),
    entry(tokens.eveApprovesAny, 'eve', ['read', 'approve', 'approve:any']),
  ],
};

type Options = Parameters<typeof startTestGateway>[0];

/** Starts a gateway that requires tokens, with the authentication of the product. */
export function startGuarded(file: Record<string, unknown> = {}, more: Options = {}): Promise<TestGateway> {
  return startTestGateway({ file: { auth, ...file }, authenticate: undefined, ...more });
}

export const bearing = (token: string) => ({ authorization: `Bearer ${token}` });

export interface Answered {
  status: number;
  headers: Headers;
  text: string;
  body: { data?: Record<string, unknown> | null; errors?: { message: string; extensions?: Record<string, unknown> }[] };
}

/** Sends one operation over HTTP. */
export async function ask(
  url: string,
  query: string,
  headers: Record<string, string> = {},
  more: object = {},
): Promise<Answered> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query, ...more }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json');
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : {} };
}

export const codeOf = ({ body }: Answered) => body.errors?.[0]?.extensions?.code;
