import { createHmac, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { createBoundedCache } from '../bounded-cache.ts';
import { inTurns } from '../clock.ts';
import { CACHED_SECRETS } from '../config/limits.ts';
import type { Json } from '../domain/events.ts';
import { digestPlaceholder, maskJsonInSteps, placeholdersOf } from '../domain/secrets/mask.ts';
import { createEncryption } from './encryption.ts';

/** The input with its credentials, or an error for the model that lists the placeholders of unknown ones. */
export type RevealedInput = { ok: true; input: Json } | { ok: false; error: string };

/** The call that credentials belong to. They are neither revealed nor decrypted for another one. */
export interface SecretOwner {
  sessionId: string;
  callId: string;
}

/**
 * Keeps the credentials of tool inputs, so that a call is recorded without them and executed with them.
 *
 * They are kept in memory, least recently used ones are forgotten, and other servers do not have them. With a secret key they
 * can also be stored, encrypted, until the call has its result; then any server with the key executes the call.
 */
export interface SecretStore {
  /**
   * Replaces each credential by a placeholder with a digest, which only this call can open. The result can be recorded. Lets other
   * work run in between.
   */
  mask(call: SecretOwner, input: Json): Promise<Json>;
  /** Replaces the placeholders of this call by their credentials, also in member names. */
  reveal(call: SecretOwner, input: Json): RevealedInput;
  /** The placeholders in an input whose credentials are known, but belong to other calls of the session. */
  foreignPlaceholders(call: SecretOwner, input: Json): string[];
  /** Lets a call open the placeholders of other calls in its input, because a person allowed that. */
  adopt(call: SecretOwner, input: Json): void;
  /** The credentials of a masked input, encrypted. Null if there is none or no secret key. */
  encrypt(call: SecretOwner, input: Json): string | null;
  /** Loads encrypted credentials into memory, for `reveal`. Returns false if they cannot be decrypted. */
  decrypt(call: SecretOwner, encrypted: string): boolean;
}

/** A credential that is used by more calls is forgotten for the earliest of them. */
const CALLS_PER_SECRET = 64;

/** @param secretKey encrypts stored credentials; null keeps them in memory only */
export function createSecretStore(secretKey: Uint8Array | null): SecretStore {
  // Without this key, a digest reveals nothing about its credential.
  const digestKey = randomBytes(32);
  const encryption = secretKey && createEncryption(secretKey);
  const secrets = createBoundedCache<{ secret: string; callIds: Set<string> }>(CACHED_SECRETS);
  const keyOf = ({ sessionId }: SecretOwner, placeholder: string) => `${sessionId}/${placeholder}`;
  const additionalData = ({ sessionId, callId }: SecretOwner) => `${sessionId}/${callId}`;

  function keep(call: SecretOwner, placeholder: string, secret: string): void {
    const callIds = new Set(secrets.get(keyOf(call, placeholder))?.callIds).add(call.callId);
    secrets.set(keyOf(call, placeholder), { secret, callIds: new Set([...callIds].slice(-CALLS_PER_SECRET)) });
  }

  function createPlaceholder(call: SecretOwner, kind: string, secret: string): string {
    const digest = createHmac('sha256', digestKey).update(`${call.sessionId}/${secret}`).digest('hex').slice(0, 12);
    const placeholder = `[masked ${kind} #${digest}]`;
    keep(call, placeholder, secret);
    return placeholder;
  }

  function secretOf(call: SecretOwner, placeholder: string): string | undefined {
    const known = secrets.get(keyOf(call, placeholder));
    return known?.callIds.has(call.callId) ? known.secret : undefined;
  }

  const foreignPlaceholders = (call: SecretOwner, input: Json) =>
    placeholdersOf(input).filter(
      (placeholder) => secrets.has(keyOf(call, placeholder)) && secretOf(call, placeholder) === undefined,
    );

  return {
    foreignPlaceholders,
    mask: (call, input) => inTurns(maskJsonInSteps(input, (kind, secret) => createPlaceholder(call, kind, secret))),
    reveal(call, input) {
      const unknown: string[] = [];
      const revealed = mapTexts(input, (text) =>
        text.replace(digestPlaceholder, (placeholder) => {
          const secret = secretOf(call, placeholder);
          if (secret === undefined) unknown.push(placeholder);
          return secret ?? placeholder;
        }),
      );
      if (unknown.length === 0) return { ok: true, input: revealed };
      const error = `The input holds ${unknown.join(', ')}: credentials are never recorded, and this server does not have this one for this call. Give it again.`;
      return { ok: false, error };
    },
    adopt(call, input) {
      for (const placeholder of foreignPlaceholders(call, input)) {
        const known = secrets.get(keyOf(call, placeholder));
        if (known) keep(call, placeholder, known.secret);
      }
    },
    encrypt(call, input) {
      if (!encryption) return null;
      const pairs = placeholdersOf(input).flatMap((placeholder) => {
        const secret = secretOf(call, placeholder);
        return secret === undefined ? [] : [[placeholder, secret] as const];
      });
      return pairs.length === 0 ? null : encryption.encrypt(JSON.stringify(pairs), additionalData(call));
    },
    decrypt(call, encrypted) {
      const text = encryption?.decrypt(encrypted, additionalData(call)) ?? null;
      const pairs = text === null ? [] : placeholdersAndSecrets.parse(JSON.parse(text));
      for (const [placeholder, secret] of pairs) keep(call, placeholder, secret);
      return text !== null;
    },
  };
}

const placeholdersAndSecrets = z.array(z.tuple([z.string(), z.string()]));

function mapTexts(value: Json, change: (text: string) => string): Json {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [change(name), mapTexts(member, change)]));
}
