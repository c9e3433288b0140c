import type { ToolAnnotations } from '@modelcontextprotocol/sdk/types.js';
import type { ToolOverride } from '../../config/tools-config.ts';
import type { RiskLevel } from '../../domain/events.ts';

interface ToolTraits {
  risk: RiskLevel;
  idempotent: boolean;
  parallelSafe: boolean;
}

/**
 * What a server's hints say of a tool; what the configuration says comes first. Hints are the server's own word: who does
 * not trust it says so in the configuration.
 *
 *     readOnlyHint                              LOW, and MEDIUM where openWorldHint is set: what it asks for leaves the house
 *     destructiveHint, or nothing said of it    HIGH
 *     destructiveHint: false                    MEDIUM
 *
 * An `openWorldHint` that is left out means the open world too by the standard, but nearly no server sets it, so it
 * counts only where it is said.
 */
export function toolTraits(hints: ToolAnnotations = {}, override: Partial<ToolOverride> = {}): ToolTraits {
  const readsOnly = hints.readOnlyHint === true;
  return {
    risk: override.risk ?? riskOf(hints),
    idempotent: override.idempotent ?? (readsOnly || hints.idempotentHint === true),
    parallelSafe: readsOnly,
  };
}

function riskOf({ readOnlyHint, destructiveHint, openWorldHint }: ToolAnnotations): RiskLevel {
  if (readOnlyHint === true) return openWorldHint === true ? 'MEDIUM' : 'LOW';
  return destructiveHint === false ? 'MEDIUM' : 'HIGH';
}
