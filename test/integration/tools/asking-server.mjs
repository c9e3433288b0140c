// An MCP server over stdio whose tools ask persons while they run, and return the replies as JSON.
import { appendFileSync } from 'node:fs';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import {
  CallToolRequestSchema,
  ElicitResultSchema,
  ListToolsRequestSchema,
  UrlElicitationRequiredError,
} from '@modelcontextprotocol/sdk/types.js';

const server = new Server({ name: 'asking', version: '1.0.0' }, { capabilities: { tools: {} } });
const form = {
  message: 'Which size?',
  requestedSchema: { type: 'object', properties: { size: { type: 'string', enum: ['S', 'M'] } }, required: ['size'] },
};
const inputSchema = { type: 'object' };
server.setRequestHandler(ListToolsRequestSchema, async () => ({
  tools: [
    { name: 'ask', inputSchema, annotations: { readOnlyHint: true } },
    { name: 'order', inputSchema },
    { name: 'echo', inputSchema, annotations: { readOnlyHint: true } },
  ],
}));

// A client that is gone gets no reply to what is still asked.
process.stdin.once('end', () => process.exit());

/** What no model could pass on: many members, and a character that no database stores. */
const withMembers = ({ members, nul, ...question }) => {
  if (!members) return question;
  const name = nul ? 'a\0' : 'member';
  const properties = Array.from({ length: members }, (_, index) => [`${name}${index}`, { type: 'string' }]);
  return { ...question, requestedSchema: { type: 'object', properties: Object.fromEntries(properties) } };
};

async function ask(questions, timeout) {
  const replies = [];
  for (const params of questions) {
    const reply = server.request({ method: 'elicitation/create', params: withMembers(params) }, ElicitResultSchema, {
      timeout,
    });
    replies.push(await reply.catch(({ message }) => ({ error: message })));
  }
  return replies;
}

let refusals = 0;

server.setRequestHandler(CallToolRequestSchema, async ({ params: { name, arguments: input } }) => {
  // The first calls fail with the links that a person has to open before.
  if (input.links && refusals < (input.refusals ?? 1)) {
    refusals += 1;
    throw new UrlElicitationRequiredError(input.links);
  }
  const { mark, questions = [form], timeoutMilliseconds = 3_600_000 } = input;
  if (process.env.EXECUTIONS_FILE) appendFileSync(process.env.EXECUTIONS_FILE, `${name} ${mark} -\n`);
  const replies = name === 'echo' ? input : await ask(questions, timeoutMilliseconds);
  if (input.exits) process.exit(1);
  return { content: [{ type: 'text', text: JSON.stringify({ replies, process: process.pid }) }] };
});
await server.connect(new StdioServerTransport());
