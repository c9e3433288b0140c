import type { ClientToolDeclaration } from '../../domain/events.ts';
import type { Run } from '../../domain/run.ts';
import type { AgentSetup } from '../../repositories/agents.ts';
import type { ClientTools } from '../../tools/client-tools.ts';
import type { Tool } from '../../tools/tool.ts';
import type { Toolbox } from '../../tools/toolbox.ts';

interface ToolSources {
  toolbox: Pick<Toolbox, 'find'>;
  clientTools: ClientTools;
}

/** Who declares the tools that a client runs. */
interface Declaring {
  owner: string;
  run: Pick<Run, 'clientTools'>;
  agent: Pick<AgentSetup, 'clientTools'> | null;
}

/**
 * The tools that the client of a run offers: those of its message, then those of its agent. Of tools with the same name the first one
 * wins, and a tool that the gateway has by now wins over both.
 */
export function clientToolsOfRun({ toolbox, clientTools }: ToolSources, { owner, run, agent }: Declaring): Tool[] {
  const declared = new Map<string, ClientToolDeclaration>();
  for (const each of [...run.clientTools, ...(agent?.clientTools ?? [])]) {
    if (!declared.has(each.name) && !toolbox.find(each.name)) declared.set(each.name, each);
  }
  return [...declared.values()].map((each) => clientTools.toolOf(owner, each));
}

/** The tool that a call of this run means; null if there is none now. */
export function toolOfRun(sources: ToolSources, declaring: Declaring, name: string): Tool | null {
  return sources.toolbox.find(name) ?? clientToolsOfRun(sources, declaring).find((tool) => tool.name === name) ?? null;
}
