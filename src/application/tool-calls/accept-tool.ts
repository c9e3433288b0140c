import { conflict, notFound, type Refusal } from '../../domain/refusal.ts';
import type { CommandContext, Viewer } from '../command-context.ts';
import { definitionOf } from './tool-definition.ts';

export type AcceptedTool = { kind: 'accepted'; name: string };

/** Accepts the changed definition of a tool, so that policy and grants decide about its calls again. Repeating it succeeds. */
export async function acceptTool(
  { acceptedDefinitions, logger, toolbox }: CommandContext,
  { principal }: Viewer,
  { name, definitionHash }: { name: string; definitionHash: string },
): Promise<AcceptedTool | Refusal> {
  const tool = toolbox.find(name);
  if (!tool) return notFound('tool', name);
  const { hash } = definitionOf(tool);
  if (hash !== definitionHash) {
    return conflict(`The definition of ${name} has the hash ${hash} now, not the given one. Review it again.`);
  }
  await acceptedDefinitions.accept(tool, principal);
  logger.info(
    { event: 'tool-accepted', principal, tool: name, definitionHash },
    'the definition of a tool was accepted',
  );
  return { kind: 'accepted', name };
}
