import type { LanguageModelV3StreamPart, SharedV3ProviderMetadata } from '@ai-sdk/provider';
import { z } from 'zod';
import type { Json } from '../../domain/events.ts';

/**
 * Some providers sign what a model thought before it asked for tools, and want it back, unchanged, with the results:
 * Anthropic its thinking, Google its calls. It stands on the tape beside the answer that it belongs to.
 */
const metadata = z.record(z.string(), z.record(z.string(), z.json()));
const keptState = z.object({
  thoughts: z.array(z.object({ text: z.string(), metadata })),
  ofCalls: z.array(metadata.nullable()).describe('in the order of the calls'),
});
export type ProviderState = z.infer<typeof keptState>;

/** Collects from the parts of an answer what its provider wants to be shown again. */
export interface Keeper {
  take(part: LanguageModelV3StreamPart): void;
  /** Null where there is nothing; an answer that asks for no tools needs nothing. */
  state(): Json;
}

export function createKeeper(): Keeper {
  const thoughts = new Map<string, { text: string; metadata: SharedV3ProviderMetadata | null }>();
  const ofCalls: (SharedV3ProviderMetadata | null)[] = [];

  function think(id: string, text: string, metadata: SharedV3ProviderMetadata | undefined): void {
    const before = thoughts.get(id) ?? { text: '', metadata: null };
    thoughts.set(id, { text: before.text + text, metadata: metadata ?? before.metadata });
  }

  return {
    take(part) {
      if (part.type === 'reasoning-delta') think(part.id, part.delta, part.providerMetadata);
      else if (part.type === 'reasoning-start' || part.type === 'reasoning-end')
        think(part.id, '', part.providerMetadata);
      else if (part.type === 'tool-call' && !part.providerExecuted) ofCalls.push(portable(part.providerMetadata));
    },
    state() {
      const signed = [...thoughts.values()].flatMap(({ text, metadata }) => {
        const kept = portable(metadata ?? undefined);
        return kept === null ? [] : [{ text, metadata: kept }];
      });
      const isNeeded = ofCalls.length > 0 && (signed.length > 0 || ofCalls.some((call) => call !== null));
      const parsed = keptState.safeParse({ thoughts: signed, ofCalls });
      return isNeeded && parsed.success ? parsed.data : null;
    },
  };
}

/** What stands on a tape; nothing where it does not look like it should. */
export function readState(state: Json): ProviderState {
  const parsed = keptState.safeParse(state);
  return parsed.success ? parsed.data : { thoughts: [], ofCalls: [] };
}

/** References to what a provider has stored fit only the ids that it gave itself, and calls have ours on the tape. */
function portable(metadata: SharedV3ProviderMetadata | undefined): SharedV3ProviderMetadata | null {
  if (metadata === undefined || Object.keys(metadata).length === 0) return null;
  return Object.values(metadata).some((values) => 'itemId' in values) ? null : metadata;
}
