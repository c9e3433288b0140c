// @ts-check
// LangGraph as its documentation sets it up: a graph of a model and a tool that needs approval, a checkpointer, and the stream
// of messages as server-sent events. Threads are stored in SQLite, or in Postgres if POSTGRES_URL is set.
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { AIMessage, AIMessageChunk, SystemMessage, ToolMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { Command, END, interrupt, MessagesAnnotation, START, StateGraph } from '@langchain/langgraph';
import { PostgresSaver } from '@langchain/langgraph-checkpoint-postgres';
import { SqliteSaver } from '@langchain/langgraph-checkpoint-sqlite';
import { ChatOpenAI } from '@langchain/openai';
import { z } from 'zod';
import { listen } from '../processes/listening.mjs';

const folder = process.env.FOLDER ?? '.';

const filesWrite = tool(
  async ({ path, content }) => {
    await writeFile(join(folder, path), content);
    return 'written';
  },
  {
    name: 'files_write',
    description: 'Writes a whole file of the workspace.',
    schema: z.object({ path: z.string(), content: z.string() }),
  },
);

const model = new ChatOpenAI({
  model: 'bench',
  apiKey: 'none',
  streaming: true,
  configuration: { baseURL: process.env.MODEL_URL },
}).bindTools([filesWrite]);

const instructions = new SystemMessage('You are a helpful assistant. Use the tools you have where they help.');

/** @param {typeof MessagesAnnotation.State} state */
function callsOf({ messages }) {
  const last = messages.at(-1);
  return AIMessage.isInstance(last) ? (last.tool_calls ?? []) : [];
}

const graph = new StateGraph(MessagesAnnotation)
  .addNode('model', async ({ messages }) => ({ messages: [await model.invoke([instructions, ...messages])] }))
  .addNode('tools', async (state) => {
    const results = [];
    for (const call of callsOf(state)) {
      const allowed = interrupt({ tool: call.name, input: call.args });
      const output = allowed ? await filesWrite.invoke(/** @type {any} */ (call.args)) : 'A person denied this call.';
      results.push(new ToolMessage({ content: String(output), tool_call_id: call.id ?? '' }));
    }
    return { messages: results };
  })
  .addEdge(START, 'model')
  .addConditionalEdges('model', (state) => (callsOf(state).length > 0 ? 'tools' : END), ['tools', END])
  .addEdge('tools', 'model');

async function openSaver() {
  const { POSTGRES_URL: url } = process.env;
  if (!url) return SqliteSaver.fromConnString(join(folder, 'langgraph.db'));
  const saver = PostgresSaver.fromConnString(url);
  await saver.setup();
  return saver;
}

const app = graph.compile({ checkpointer: await openSaver() });

/** @param {import('node:http').IncomingMessage} request @returns {Promise<{ thread: string; text?: string; allow?: boolean; updates?: boolean }>} */
async function bodyOf(request) {
  let body = '';
  for await (const chunk of request) body += chunk;
  return JSON.parse(body);
}

const server = createServer(async (request, response) => {
  /** @param {unknown} event */
  const send = (event) => response.write(`data: ${JSON.stringify(event)}\n\n`);
  try {
    const { thread, text, allow, updates } = await bodyOf(request);
    const input = text === undefined ? new Command({ resume: allow }) : { messages: [{ role: 'user', content: text }] };
    /** @type {('messages' | 'updates')[]} */
    const streamMode = updates ? ['messages', 'updates'] : ['messages'];
    const config = { configurable: { thread_id: thread }, streamMode };
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for await (const [mode, part] of await app.stream(/** @type {any} */ (input), config)) {
      if (mode === 'updates') send({ type: 'update', nodes: Object.keys(part) });
      else if (AIMessageChunk.isInstance(part[0]) && typeof part[0].content === 'string')
        send({ type: 'token', text: part[0].content });
    }
    send({ type: 'end' });
    response.end();
  } catch (error) {
    console.error(error);
    if (response.headersSent) response.destroy();
    else response.writeHead(500).end();
  }
});
listen(server);
