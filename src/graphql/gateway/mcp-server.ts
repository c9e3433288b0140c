import type { McpServerStatus } from '../../tools/mcp/mcp-server.ts';
import { builder } from '../builder.ts';
import { Tool } from './tool.ts';

const states = {
  STARTING: { description: 'It is started for the first time; its tools appear when they are there.' },
  READY: { description: 'Its tools can be called.' },
  RESTARTING: {
    description: 'It was lost or did not start, and is started again after a wait. Calls fail and say why.',
  },
  DISABLED: { description: 'The configuration says that it is not to be started.' },
} as const satisfies Record<McpServerStatus['state'], { description: string }>;

const McpServerState = builder.enumType('McpServerState', { description: 'How an MCP server is.', values: states });

export const McpServer = builder.objectRef<McpServerStatus>('McpServer').implement({
  description: 'A server of the Model Context Protocol that the gateway has tools from.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name in the configuration; the `source` of its tools.' }),
    state: t.expose('state', { type: McpServerState, description: 'How it is now.' }),
    tools: t.field({
      type: [Tool],
      description: 'Its tools that can be called now; none while it is not READY.',
      resolve: ({ tools }) => [...tools],
    }),
    lastError: t.exposeString('lastError', {
      nullable: true,
      description:
        'Why it was not there the last time that it was not, also when it has come back; null where it never failed.',
    }),
  }),
});
