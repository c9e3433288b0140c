import { z } from 'zod';
import * as limits from './limits.ts';
import type { ConfigurationIssue } from './model-config.ts';

/** With `approve:any` somebody sees and settles the questions of everybody's runs, and nothing else of them. */
export const scopes = ['read', 'write', 'approve', 'approve:any', 'admin'] as const;

const token = z.strictObject({
  sha256: z
    .string()
    .regex(
      /^[0-9a-f]{64}$/,
      'must be the SHA-256 of a token in 64 small hexadecimal digits; `runtape token` makes both',
    ),
  principal: z.string().trim().min(1).max(limits.PRINCIPAL_CHARACTERS),
  scopes: z
    .array(z.enum(scopes))
    .min(1)
    .refine((given) => !given.includes('approve:any') || (given.includes('approve') && given.includes('read')), {
      message: '`approve:any` says whose questions somebody settles: it needs `read` and `approve` beside it',
    }),
  expiresAt: z.iso.datetime({ offset: true, error: 'must be an instant like 2026-11-22T10:15:30Z' }).optional(),
});
export type TokenEntry = z.output<typeof token>;

const none = z.strictObject({ mode: z.literal('none') });

const tokens = z.strictObject({
  mode: z.literal('tokens'),
  tokens: z.array(token).min(1, 'needs at least one entry; `runtape token <principal>` makes one'),
});

const jwt = z
  .strictObject({
    mode: z.literal('jwt'),
    jwksUrl: z.url({ protocol: /^https?$/, error: 'must be an http or https address' }).optional(),
    publicKey: z.string().startsWith('-----BEGIN', 'must be a public key as PEM').optional(),
    algorithm: z.enum(['RS256', 'RS384', 'RS512', 'PS256', 'ES256', 'ES384', 'EdDSA']).default('RS256'),
    issuer: z.string().min(1),
    audience: z.string().min(1),
    principalClaim: z.string().min(1).default('sub'),
    scopeClaim: z.string().min(1).default('scope'),
  })
  .refine(({ jwksUrl, publicKey }) => (jwksUrl === undefined) !== (publicKey === undefined), {
    path: ['jwksUrl'],
    message: 'give `jwksUrl` or `publicKey`, and not both',
  });
export type JwtConfig = z.output<typeof jwt>;

const origin = z
  .string()
  .refine(isOrigin, 'must be an origin like https://app.example.com: scheme, host and port, nothing behind');

const whole = z.int().positive();

/** The part of the configuration file that says who may come in, from where, and how much of it. */
export const accessConfigSchema = z.object({
  auth: z.discriminatedUnion('mode', [none, tokens, jwt]).default({ mode: 'none' }),
  cors: z.strictObject({ origins: z.array(origin).default([]) }).prefault({}),
  documents: z.string().min(1).optional().describe('a file of the only operations that are answered, by id'),
  traffic: z
    .strictObject({
      pointsPerMinute: whole.optional(),
      connectionsPerAddress: whole.default(limits.CONNECTIONS_PER_ADDRESS),
      subscriptionsPerPrincipal: whole.default(limits.SUBSCRIPTIONS_PER_PRINCIPAL),
    })
    .prefault({}),
});
export type AccessConfig = z.output<typeof accessConfigSchema>;

const loopback = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/** What no entry shows by itself: an address that others can reach, and nobody who is asked who they are. */
export function checkAccess({ auth }: AccessConfig, host: string): ConfigurationIssue[] {
  if (auth.mode !== 'none' || loopback.test(host)) return [];
  const message =
    `HOST ${host} can be reached from outside, and auth.mode is "none". Set HOST to 127.0.0.1, or let people show who they are: ` +
    '`runtape token <principal>` makes a token and prints the entry for the configuration file ("auth": {"mode": "tokens", …})';
  return [{ path: ['auth', 'mode'], message }];
}

/** A rule that nobody could keep would let every call wait in vain. */
export function checkSeparateApprover(auth: AccessConfig['auth'], separateApprover: boolean): ConfigurationIssue[] {
  if (!separateApprover || auth.mode === 'jwt') return [];
  const refuse = (message: string) => [{ path: ['approvals', 'separateApprover'], message }];
  if (auth.mode === 'none') {
    return refuse(
      'wants somebody else than who started a run, and auth.mode is "none": everybody is the same principal. ' +
        'Set auth.mode to "tokens" or "jwt", or take the rule out',
    );
  }
  if (auth.tokens.some((entry) => entry.scopes.includes('approve:any'))) return [];
  return refuse(
    'wants somebody else than who started a run, and no token has the scope approve:any. ' +
      '`runtape token <principal> read,approve,approve:any` makes one',
  );
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && /^https?:/.test(text) && new URL(text).origin === text;
}
