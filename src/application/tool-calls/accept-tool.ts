import { conflict, notFound, type Refusal } from '../../domain/refusal.ts';
import type { CommandContext, Viewer } from '../command-context.ts';
import { definitionOf } from './tool-definition.ts';

export type AcceptedTool = { kind: 'accepted'; name: string };

/** Accepts the changed definition of a tool, so that policy and grants decide about its calls again. Repeating it succeeds. */
export async function acceptTool(
  { acceptedDefinitions, audit, logger, toolbox }: CommandContext,
  { principal, from }: Viewer,
  { name, definitionHash }: { name: string; definitionHash: string },
): Promise<AcceptedTool | Refusal> {
  const tool = toolbox.find(name);
  if (!tool) return notFound('tool', name);
  const { hash } = definitionOf(tool);
  if (hash !== definitionHash) {
    return conflict(`The definition of ${name} has the hash ${hash} now, not the given one. Review it again.`);
  }
  await acceptedDefinitions.accept(tool, principal);
  const event = 'tool-accepted';
  const details = { tool: name, definitionHash };
  logger.info({ event, principal, ...details }, 'the definition of a tool was accepted');
  await audit.record({ event, principal, address: from?.address ?? null, rule: null, details });
  return { kind: 'accepted', name };
}
