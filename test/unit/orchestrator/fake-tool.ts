import type { Tool } from '../../../src/tools/tool.ts';
import type { Behaviour } from './fake-model.ts';
import { finish, saying } from './fake-model.ts';

/** A tool that accepts every input. */
export function fakeTool(name: string, execute: Tool['execute'], more: Partial<Tool> = {}): Tool {
  return {
    name,
    description: '',
    inputSchema: {},
    risk: 'LOW',
    idempotent: false,
    parallelSafe: false,
    timeoutSeconds: 60,
    source: 'builtin',
    prepare: (input) => ({ ok: true, input }),
    execute,
    ...more,
  };
}

/** What a model says that calls these tools in its first step, and then ends. */
export const callingTools = (...tools: (string | { tool: string; arguments: string })[]): [Behaviour, Behaviour] => [
  async () =>
    finish({
      reason: 'tool-calls',
      calls: tools.map((call) => ({
        callId: null,
        ...(typeof call === 'string' ? { tool: call, arguments: '{"of":1}' } : call),
      })),
    }),
  saying('Done.'),
];
