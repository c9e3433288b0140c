import { z } from 'zod';
import type { RiskLevel } from '../../src/domain/events.ts';
import { defineTool, type Tool, type ToolContext } from '../../src/tools/tool.ts';

/** A tool that records its executions. */
export interface CountedTool extends Tool {
  executions: { input: unknown; idempotencyKey: string }[];
}

interface Options {
  name?: string;
  risk?: RiskLevel;
  idempotent?: boolean;
  parallelSafe?: boolean;
  timeoutSeconds?: number;
  execute?(input: { word: string }, context: ToolContext): Promise<string>;
}

export function countedTool(options: Options = {}): CountedTool {
  const executions: CountedTool['executions'] = [];
  const tool = defineTool({
    name: options.name ?? 'count',
    description: 'Counts its executions.',
    input: z.strictObject({ word: z.string().min(1) }),
    risk: options.risk ?? 'LOW',
    idempotent: options.idempotent ?? false,
    parallelSafe: options.parallelSafe ?? false,
    timeoutSeconds: options.timeoutSeconds ?? 60,
    async execute(input, context) {
      executions.push({ input, idempotencyKey: context.idempotencyKey });
      return options.execute ? options.execute(input, context) : `counted ${input.word}`;
    },
  });
  return { ...tool, executions };
}

/** An `execute` that never resolves, and rejects when its signal aborts. */
export const hanging = (_input: unknown, { signal }: { signal: AbortSignal }) =>
  new Promise<string>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

/** A message that makes the scripted model call tools, and then repeat their results. */
export const calling = (...calls: [tool: string, input: unknown][]) =>
  `${calls.map(([tool, input]) => `/call ${tool} ${JSON.stringify(input)}`).join('\n')}\n/then\n/echo`;
