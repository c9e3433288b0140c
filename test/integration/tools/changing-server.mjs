// An MCP server over stdio that lists the tools in a JSON file, and says so when the file changes.
import { readFileSync, watchFile } from 'node:fs';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';

const [, , path] = process.argv;
const server = new Server({ name: 'changing', version: '1.0.0' }, { capabilities: { tools: { listChanged: true } } });
const tools = () => JSON.parse(readFileSync(path, 'utf8'));
server.setRequestHandler(ListToolsRequestSchema, async () => ({ tools: tools() }));
server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
  const { description } = tools().find(({ name }) => name === params.name);
  return { content: [{ type: 'text', text: `executed: ${description}` }] };
});
watchFile(path, { interval: 50 }, () => server.sendToolListChanged());
await server.connect(new StdioServerTransport());
