import type { ConfiguredAgent } from '../config/agents-config.ts';
import { StoreError } from '../database/store-error.ts';
import { isRefusal, type Refusal } from '../domain/refusal.ts';
import { type AgentSetup, storeAgents } from '../repositories/agents.ts';
import { schemaProblem, setupOf, setupSchema } from './agents.ts';
import type { CommandContext } from './command-context.ts';
import { parseInput } from './parse-input.ts';

type Context = Pick<CommandContext, 'database' | 'schemaChecker' | 'toolbox' | 'clientTools' | 'newId' | 'now'>;

/**
 * Stores the agents that the configuration defines, all or none. One that exists under the same name of its owner gets a new
 * version if it differs. Agents that the configuration no longer defines stay as they are. Rejects with a StoreError.
 *
 * @param maxVersions of all agents of an owner
 * @returns problems as lines for the operator; nothing was stored if there are any
 */
export async function storeConfiguredAgents(
  context: Context,
  agents: readonly ConfiguredAgent[],
  maxVersions: number,
): Promise<string[]> {
  if (agents.length === 0) return [];
  const problems: string[] = [];
  const setups: (AgentSetup & Pick<ConfiguredAgent, 'owner' | 'isDefault'>)[] = [];
  for (const [index, { owner, isDefault, ...given }] of agents.entries()) {
    const parsed = parseInput(setupSchema, given);
    const refusal = isRefusal(parsed) ? parsed : await schemaProblem(context, owner, parsed.input);
    if (refusal) problems.push(...linesOf(refusal).map((line) => `agents.${index}.${line}`));
    else if (!isRefusal(parsed)) setups.push({ ...setupOf(parsed.input), owner, isDefault });
  }
  if (problems.length > 0) return problems;
  const store = () => {
    const createdAt = new Date(context.now());
    const rows = setups.map((setup) => ({ ...setup, id: context.newId('agent'), createdAt }));
    return storeAgents(context.database, rows, maxVersions);
  };
  // Another server that starts at the same time may have created one of them.
  const fullOwner = await store().catch((error: unknown) => {
    if (error instanceof StoreError && error.failure === 'constraint') return store();
    throw error;
  });
  if (fullOwner === null) return [];
  return [
    `agents: ${maxVersions} versions of agents of "${fullOwner}" are stored, which is the limit. Raise limits.agentVersions`,
  ];
}

function linesOf(refusal: Refusal): string[] {
  if (refusal.kind !== 'invalid-input') return [refusal.message];
  return refusal.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}
