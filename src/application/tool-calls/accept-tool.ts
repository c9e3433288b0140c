import { conflict, notFound, type Refusal } from '../../domain/refusal.ts';
import { entryOf } from '../audit/entries.ts';
import type { CommandContext, Viewer } from '../command-context.ts';
import { definitionOf } from './tool-definition.ts';

export type AcceptedTool = { kind: 'accepted'; name: string };

/** Accepts the changed definition of a tool, so that policy and grants decide about its calls again. Repeating it succeeds. */
export async function acceptTool(
  { acceptedDefinitions, audit, logger, toolbox }: CommandContext,
  viewer: Viewer,
  { name, definitionHash }: { name: string; definitionHash: string },
): Promise<AcceptedTool | Refusal> {
  const tool = toolbox.find(name);
  if (!tool) return notFound('tool', name);
  const { hash } = definitionOf(tool);
  if (hash !== definitionHash) {
    return conflict(`The definition of ${name} has the hash ${hash} now, not the given one. Review it again.`);
  }
  await acceptedDefinitions.accept(tool, viewer.principal);
  const entry = entryOf(viewer, 'tool-accepted', { tool: name, definitionHash });
  const { event, principal, details } = entry;
  logger.info({ event, principal, ...details }, 'the definition of a tool was accepted');
  await audit.record(entry);
  return { kind: 'accepted', name };
}
