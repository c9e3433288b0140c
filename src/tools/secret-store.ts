import { createHmac, randomBytes } from 'node:crypto';
import { z } from 'zod';
import * as limits from '../config/limits.ts';
import type { Json } from '../domain/events.ts';
import { digestPlaceholder, maskJson } from '../domain/secrets/mask.ts';
import { createEncryption } from './encryption.ts';

/** An input as the tool needs it, or which marks stand for secrets that are gone. */
export type RevealedInput = { ok: true; input: Json } | { ok: false; error: string };

/** Which call something is sealed for. It opens for no other. */
export interface EncryptedFor {
  sessionId: string;
  callId: string;
}

/**
 * Keeps the secrets of tool inputs in the memory of this server, so that a call can be recorded without them and executed with
 * them. With a key they can also be sealed, and stored until the call has its result. Without one they are gone after a restart
 * and on other servers: such a call then fails, and says why.
 */
export interface SecretStore {
  /** The input as it is recorded and shown, with a mark in the place of each secret. */
  mask(sessionId: string, input: Json): Json;
  /** The input that was concealed in the same session, names of members included. */
  reveal(sessionId: string, input: Json): RevealedInput;
  /** The secrets of a concealed input, encrypted; null where there are none, or no key. */
  encrypt(place: EncryptedFor, input: Json): string | null;
  /** Remembers what was sealed. What can not be opened is left alone. */
  decrypt(place: EncryptedFor, sealed: string): void;
}

/** @param secretKey with which inputs are sealed; null where they are not */
export function createSecretStore(secretKey: Uint8Array | null): SecretStore {
  // Marks tell nothing of a secret to whoever does not have this key.
  const key = randomBytes(32);
  const seal = secretKey && createEncryption(secretKey);
  const secrets = new Map<string, string>();
  const placeOf = (sessionId: string, mark: string) => `${sessionId}/${mark}`;

  function keep(sessionId: string, kind: string, secret: string): string {
    const digest = createHmac('sha256', key).update(`${sessionId}/${secret}`).digest('hex').slice(0, 12);
    const mark = `[masked ${kind} #${digest}]`;
    remember(sessionId, mark, secret);
    return mark;
  }

  function remember(sessionId: string, mark: string, secret: string): void {
    const place = placeOf(sessionId, mark);
    secrets.delete(place);
    secrets.set(place, secret);
    const [oldest] = secrets.keys();
    if (secrets.size > limits.KEPT_SECRETS && oldest !== undefined) secrets.delete(oldest);
  }

  return {
    mask: (sessionId, input) => maskJson(input, (kind, secret) => keep(sessionId, kind, secret)),
    reveal(sessionId, input) {
      const lost: string[] = [];
      const revealed = mapTexts(input, (text) =>
        text.replace(digestPlaceholder, (mark) => {
          const secret = secrets.get(placeOf(sessionId, mark));
          if (secret === undefined) lost.push(mark);
          return secret ?? mark;
        }),
      );
      if (lost.length === 0) return { ok: true, input: revealed };
      return {
        ok: false,
        error: `The input holds ${lost.join(', ')}: credentials are never recorded, and this server does not have this one. Give it again.`,
      };
    },
    encrypt({ sessionId, callId }, input) {
      if (!seal) return null;
      const marks = new Set(JSON.stringify(input).match(digestPlaceholder));
      const known = [...marks].flatMap((mark) => {
        const secret = secrets.get(placeOf(sessionId, mark));
        return secret === undefined ? [] : [[mark, secret] as const];
      });
      return known.length === 0 ? null : seal.close(JSON.stringify(known), placeOf(sessionId, callId));
    },
    decrypt({ sessionId, callId }, sealed) {
      const text = seal?.open(sealed, placeOf(sessionId, callId)) ?? null;
      const known = text === null ? [] : marksAndSecrets.parse(JSON.parse(text));
      for (const [mark, secret] of known) remember(sessionId, mark, secret);
    },
  };
}

const marksAndSecrets = z.array(z.tuple([z.string(), z.string()]));

function mapTexts(value: Json, change: (text: string) => string): Json {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [change(name), mapTexts(member, change)]));
}
