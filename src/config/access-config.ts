import { z } from 'zod';
import type { ConfigurationIssue } from './configuration-issue.ts';
import * as limits from './limits.ts';

/** `approve:any` lets a principal see and decide the approvals and budget requests of all principals, and nothing else of theirs. */
export const scopes = ['read', 'write', 'approve', 'approve:any', 'admin'] as const;

export const principalRule = `must have 1 to ${limits.PRINCIPAL_CHARACTERS} characters, without blanks at its ends and without control characters`;

export const principalError = ({ input }: { input?: unknown }) => `${JSON.stringify(input)} ${principalRule}`;

/** The principal of every client of a server without authentication. */
export const LOCAL_PRINCIPAL = 'local';

/** Two names that look the same must not be two principals. */
export function isPrincipal(name: unknown): name is string {
  if (typeof name !== 'string' || name.length === 0 || name.length > limits.PRINCIPAL_CHARACTERS) return false;
  return name === name.trim() && !/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(name);
}

export function hasScopesOfApprover(granted: readonly string[]): boolean {
  return !granted.includes('approve:any') || (granted.includes('approve') && granted.includes('read'));
}

const token = z.strictObject({
  sha256: z
    .string()
    .regex(
      /^[0-9a-f]{64}$/,
      'must be the SHA-256 of a token, as 64 lower-case hexadecimal digits. `runtape token <principal>` prints an entry',
    ),
  principal: z.string().refine(isPrincipal, { error: principalError }),
  scopes: z
    .array(z.enum(scopes))
    .min(1)
    .refine(hasScopesOfApprover, { message: '"approve:any" also needs "read" and "approve". Add them' }),
  expiresAt: z.iso
    .datetime({ offset: true, error: 'must be a time with a time zone, such as 2026-11-22T10:15:30Z' })
    .optional(),
});
export type TokenEntry = z.output<typeof token>;

const noAuthentication = z.strictObject({ mode: z.literal('none') });

const tokens = z.strictObject({
  mode: z.literal('tokens'),
  tokens: z.array(token).min(1, 'must have at least one entry. `runtape token <principal>` prints one'),
});

const jwt = z
  .strictObject({
    mode: z.literal('jwt'),
    jwksUrl: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).optional(),
    publicKey: z.string().startsWith('-----BEGIN', 'must be a public key in PEM form').optional(),
    algorithm: z.enum(['RS256', 'RS384', 'RS512', 'PS256', 'ES256', 'ES384', 'EdDSA']).default('RS256'),
    issuer: z.string().min(1),
    audience: z.string().min(1),
    principalClaim: z.string().min(1).default('sub'),
    scopeClaim: z.string().min(1).default('scope'),
  })
  .refine(({ jwksUrl, publicKey }) => (jwksUrl === undefined) !== (publicKey === undefined), {
    path: ['jwksUrl'],
    message: 'set exactly one of "jwksUrl" and "publicKey"',
  });
export type JwtConfig = z.output<typeof jwt>;

const origin = z.string().refine(isOrigin, 'must be an origin (scheme, host and port) such as https://app.example.com');

const positiveWhole = z.int().positive();

/** The introspection queries of tools fit. */
const LEAST_BODY_BYTES = 16 * 1024;
const MOST_BODY_BYTES = 64 * 1024 * 1024;
const MOST_INIT_SECONDS = 60;

/** The part of the configuration file about authentication, other origins, and limits for each client. */
export const accessConfigSchema = z.object({
  auth: z.discriminatedUnion('mode', [noAuthentication, tokens, jwt]).default({ mode: 'none' }),
  cors: z.strictObject({ origins: z.array(origin).default([]) }).prefault({}),
  /** Path of a JSON file of the only operations that are executed, by id. */
  documents: z.string().min(1).optional(),
  /** Whether the web console is served. */
  console: z.boolean().default(true),
  traffic: z
    .strictObject({
      pointsPerMinute: positiveWhole.optional(),
      connectionsPerAddress: positiveWhole.default(limits.CONNECTIONS_PER_ADDRESS),
      bodyBytes: z.int().min(LEAST_BODY_BYTES).max(MOST_BODY_BYTES).default(limits.BODY_BYTES),
      unauthenticatedSockets: positiveWhole.default(limits.UNAUTHENTICATED_SOCKETS),
      unauthenticatedSocketsPerAddress: positiveWhole.default(limits.UNAUTHENTICATED_SOCKETS_PER_ADDRESS),
      connectionInitSeconds: z.number().positive().max(MOST_INIT_SECONDS).default(limits.CONNECTION_INIT_SECONDS),
      subscriptionsPerPrincipal: positiveWhole.default(limits.SUBSCRIPTIONS_PER_PRINCIPAL),
    })
    .prefault({}),
});
export type AccessConfig = z.output<typeof accessConfigSchema>;

const loopback = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/** Refuses an address that other machines can reach while authentication is off. */
export function checkAccess({ auth }: AccessConfig, host: string): ConfigurationIssue[] {
  if (auth.mode !== 'none' || loopback.test(host)) return [];
  const message =
    `authentication is off, and other machines can reach HOST ${host}. Set HOST to 127.0.0.1, or turn authentication on: ` +
    '`runtape token <principal>` prints a token and the entry for "auth": {"mode": "tokens", "tokens": […]}';
  return [{ path: ['auth', 'mode'], message }];
}

/** Refuses `separateApprover` where no second principal can approve: every call would wait until it expires. */
export function checkSeparateApprover(auth: AccessConfig['auth'], separateApprover: boolean): ConfigurationIssue[] {
  if (!separateApprover || auth.mode === 'jwt') return [];
  const path = ['approvals', 'separateApprover'];
  if (auth.mode === 'none') {
    const message =
      'needs a second principal, but auth.mode is "none", so every client is the same principal. ' +
      'Set auth.mode to "tokens" or "jwt", or set separateApprover to false';
    return [{ path, message }];
  }
  if (auth.tokens.some((entry) => entry.scopes.includes('approve:any'))) return [];
  const message =
    'needs a principal that can approve the calls of others, but no token has the scope "approve:any". ' +
    '`runtape token <principal> read,approve,approve:any` prints a token that has it';
  return [{ path, message }];
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && /^https?:/.test(text) && new URL(text).origin === text;
}
