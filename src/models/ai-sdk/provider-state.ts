import type { LanguageModelV3StreamPart, SharedV3ProviderMetadata } from '@ai-sdk/provider';
import { z } from 'zod';
import type { Json } from '../../domain/events.ts';

/**
 * Some providers sign the reasoning that precedes a tool call and require it, unchanged, together with the results:
 * Anthropic signs its thoughts, Google its calls. The tape keeps this state beside the output that it belongs to.
 */
const metadata = z.record(z.string(), z.record(z.string(), z.json()));
const providerState = z.object({
  thoughts: z.array(z.object({ text: z.string(), metadata })),
  ofCalls: z.array(metadata.nullable()).describe('in the order of the calls'),
});
export type ProviderState = z.infer<typeof providerState>;

/** Collects the state from the parts of a response. */
export interface ProviderStateCollector {
  add(part: LanguageModelV3StreamPart): void;
  /** Null if there is none, and for a response without tool calls, which needs none. */
  state(): Json;
}

export function createProviderStateCollector(): ProviderStateCollector {
  const thoughts = new Map<string, { text: string; metadata: SharedV3ProviderMetadata | undefined }>();
  const ofCalls: (SharedV3ProviderMetadata | null)[] = [];

  function addThought(id: string, text: string, metadata: SharedV3ProviderMetadata | undefined): void {
    const previous = thoughts.get(id);
    thoughts.set(id, { text: (previous?.text ?? '') + text, metadata: metadata ?? previous?.metadata });
  }

  return {
    add(part) {
      switch (part.type) {
        case 'reasoning-start':
        case 'reasoning-end':
          addThought(part.id, '', part.providerMetadata);
          return;
        case 'reasoning-delta':
          addThought(part.id, part.delta, part.providerMetadata);
          return;
        case 'tool-call':
          if (!part.providerExecuted) ofCalls.push(portable(part.providerMetadata));
      }
    },
    state() {
      const signed = [...thoughts.values()].flatMap(({ text, metadata }) => {
        const kept = portable(metadata);
        return kept === null ? [] : [{ text, metadata: kept }];
      });
      const isNeeded = ofCalls.length > 0 && (signed.length > 0 || ofCalls.some((call) => call !== null));
      const parsed = providerState.safeParse({ thoughts: signed, ofCalls });
      return isNeeded && parsed.success ? parsed.data : null;
    },
  };
}

/** Reads the state from a tape; empty if it does not have the expected form. */
export function readProviderState(state: Json): ProviderState {
  const parsed = providerState.safeParse(state);
  return parsed.success ? parsed.data : { thoughts: [], ofCalls: [] };
}

/**
 * The metadata as it can be sent again, or null. References to items that the provider stores are dropped: they work
 * only with the provider's own call ids, and calls on the tape have ids of this server.
 */
function portable(metadata: SharedV3ProviderMetadata | undefined): SharedV3ProviderMetadata | null {
  if (metadata === undefined || Object.keys(metadata).length === 0) return null;
  return Object.values(metadata).some((values) => 'itemId' in values) ? null : metadata;
}
