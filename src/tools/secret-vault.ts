import { createHmac, randomBytes } from 'node:crypto';
import * as limits from '../config/limits.ts';
import type { Json } from '../domain/events.ts';
import { maskJson } from '../domain/secrets/mask.ts';

/** An input as the tool needs it, or which marks stand for secrets that are gone. */
export type RevealedInput = { ok: true; input: Json } | { ok: false; error: string };

/**
 * Keeps the secrets of tool inputs in the memory of this server and nowhere else, so that a call can be recorded without them
 * and executed with them. They are gone after a restart and on other servers: such a call then fails, and says why.
 */
export interface SecretVault {
  /** The input as it is recorded and shown, with a mark in the place of each secret. */
  conceal(sessionId: string, input: Json): Json;
  /** The input that was concealed in the same session. */
  reveal(sessionId: string, input: Json): RevealedInput;
}

const markPattern = /\[masked [a-z ]{1,30} #[0-9a-f]{12}\]/g;

export function createSecretVault(): SecretVault {
  // Marks tell nothing of a secret to whoever does not have this key.
  const key = randomBytes(32);
  const secrets = new Map<string, string>();
  const placeOf = (sessionId: string, mark: string) => `${sessionId}/${mark}`;

  function keep(sessionId: string, kind: string, secret: string): string {
    const digest = createHmac('sha256', key).update(`${sessionId}/${secret}`).digest('hex').slice(0, 12);
    const mark = `[masked ${kind} #${digest}]`;
    const place = placeOf(sessionId, mark);
    secrets.delete(place);
    secrets.set(place, secret);
    const [oldest] = secrets.keys();
    if (secrets.size > limits.KEPT_SECRETS && oldest !== undefined) secrets.delete(oldest);
    return mark;
  }

  return {
    conceal: (sessionId, input) => maskJson(input, (kind, secret) => keep(sessionId, kind, secret)),
    reveal(sessionId, input) {
      const lost: string[] = [];
      const revealed = mapTexts(input, (text) =>
        text.replace(markPattern, (mark) => {
          const secret = secrets.get(placeOf(sessionId, mark));
          if (secret === undefined) lost.push(mark);
          return secret ?? mark;
        }),
      );
      if (lost.length === 0) return { ok: true, input: revealed };
      return {
        ok: false,
        error: `The input holds ${lost.join(', ')}: credentials are never stored, and this server does not remember it. Give it again.`,
      };
    },
  };
}

function mapTexts(value: Json, change: (text: string) => string): Json {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, mapTexts(member, change)]));
}
