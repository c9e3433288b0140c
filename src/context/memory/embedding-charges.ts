import type { CallCharges, ReservedCall } from '../call-charges.ts';
import { estimateTokens } from '../token-estimate.ts';

/** A text that is embedded, and whose budgets it is charged to. */
export interface ChargedText {
  owner: string;
  /** Null if it belongs to no session. */
  sessionId: string | null;
  text: string;
}

/** The texts that fit into their budgets. */
export interface ChargedTexts<Text> {
  fitting: Text[];
  /** Charges each principal and session for its part of the tokens that the call used; 0 if it failed. */
  settle(tokens: number): Promise<void>;
}

/** Charges the calls of the embedding model. */
export interface EmbeddingCharges {
  charge<Text extends ChargedText>(texts: readonly Text[]): Promise<ChargedTexts<Text>>;
}

/** @param price of one token; null if the model has none */
export function createEmbeddingCharges(charges: CallCharges, price: number | null): EmbeddingCharges {
  async function reserve(texts: readonly ChargedText[]) {
    const [first] = texts;
    if (!first) return null;
    const { owner, sessionId } = first;
    const inputTokens = texts.reduce((sum, { text }) => sum + estimateTokens(text), 0);
    const planned = { inputTokens, outputTokens: 0, price: price === null ? null : { input: price, output: 0 } };
    const reserved = await charges.reserve({ owner, sessionId, agent: null, runId: null }, planned);
    return reserved.kind === 'reserved' ? { reserved, inputTokens } : null;
  }

  return {
    async charge(texts) {
      const groups = new Map<string, (typeof texts)[number][]>();
      for (const text of texts) {
        const key = JSON.stringify([text.owner, text.sessionId]);
        groups.set(key, [...(groups.get(key) ?? []), text]);
      }
      const calls: { reserved: ReservedCall; inputTokens: number }[] = [];
      const fitting: (typeof texts)[number][] = [];
      async function settle(tokens: number): Promise<void> {
        const total = calls.reduce((sum, { inputTokens }) => sum + inputTokens, 0);
        for (const { reserved, inputTokens } of calls) {
          const used = total === 0 ? 0 : (tokens * inputTokens) / total;
          await reserved.settle({ TOKENS: used, COST: used * (price ?? 0) });
        }
      }
      try {
        for (const group of groups.values()) {
          const call = await reserve(group);
          if (call === null) continue;
          calls.push(call);
          fitting.push(...group);
        }
      } catch (error) {
        // The call is not made.
        await settle(0);
        throw error;
      }
      return { fitting, settle };
    },
  };
}
