import { createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { CACHED_SECRETS } from '../config/limits.ts';
import type { Json } from '../domain/events.ts';
import { digestPlaceholder, maskJson } from '../domain/secrets/mask.ts';
import { createEncryption } from './encryption.ts';

/** The input with its credentials, or an error for the model that lists the placeholders of unknown ones. */
export type RevealedInput = { ok: true; input: Json } | { ok: false; error: string };

/** The call that encrypted credentials belong to. They cannot be decrypted for another one. */
export interface EncryptionContext {
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
  /** Replaces each credential by a placeholder with a digest. The result can be recorded and shown. */
  mask(sessionId: string, input: Json): Json;
  /** Replaces placeholders of the same session by their credentials, also in member names. */
  reveal(sessionId: string, input: Json): RevealedInput;
  /** The credentials of a masked input, encrypted. Null if there is none or no secret key. */
  encrypt(context: EncryptionContext, input: Json): string | null;
  /** Loads encrypted credentials into memory, for `reveal`. Does nothing if they cannot be decrypted. */
  decrypt(context: EncryptionContext, encrypted: string): void;
}

/** @param secretKey encrypts stored credentials; null keeps them in memory only */
export function createSecretStore(secretKey: Uint8Array | null): SecretStore {
  // Without this key, a digest reveals nothing about its credential.
  const digestKey = randomBytes(32);
  const encryption = secretKey && createEncryption(secretKey);
  const secrets = new LRUCache<string, string>({ max: CACHED_SECRETS });
  const keyOf = (sessionId: string, placeholder: string) => `${sessionId}/${placeholder}`;
  const additionalData = ({ sessionId, callId }: EncryptionContext) => `${sessionId}/${callId}`;

  function createPlaceholder(sessionId: string, kind: string, secret: string): string {
    const digest = createHmac('sha256', digestKey).update(`${sessionId}/${secret}`).digest('hex').slice(0, 12);
    const placeholder = `[masked ${kind} #${digest}]`;
    secrets.set(keyOf(sessionId, placeholder), secret);
    return placeholder;
  }

  return {
    mask: (sessionId, input) => maskJson(input, (kind, secret) => createPlaceholder(sessionId, kind, secret)),
    reveal(sessionId, input) {
      const unknown: string[] = [];
      const revealed = mapTexts(input, (text) =>
        text.replace(digestPlaceholder, (placeholder) => {
          const secret = secrets.get(keyOf(sessionId, placeholder));
          if (secret === undefined) unknown.push(placeholder);
          return secret ?? placeholder;
        }),
      );
      if (unknown.length === 0) return { ok: true, input: revealed };
      const error = `The input holds ${unknown.join(', ')}: credentials are never recorded, and this server does not have this one. Give it again.`;
      return { ok: false, error };
    },
    encrypt(context, input) {
      if (!encryption) return null;
      const placeholders = new Set(JSON.stringify(input).match(digestPlaceholder));
      const pairs = [...placeholders].flatMap((placeholder) => {
        const secret = secrets.get(keyOf(context.sessionId, placeholder));
        return secret === undefined ? [] : [[placeholder, secret] as const];
      });
      return pairs.length === 0 ? null : encryption.encrypt(JSON.stringify(pairs), additionalData(context));
    },
    decrypt(context, encrypted) {
      const text = encryption?.decrypt(encrypted, additionalData(context)) ?? null;
      const pairs = text === null ? [] : placeholdersAndSecrets.parse(JSON.parse(text));
      for (const [placeholder, secret] of pairs) secrets.set(keyOf(context.sessionId, placeholder), secret);
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
