// @ts-check
// AI SDK as its documentation sets it up for Node: `streamText`, piped to the response as the stream that `useChat` reads.
// Nothing is stored. With TOOLS=1 the model may call a tool, and is called again with its result.
import { createServer } from 'node:http';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';
import { listen } from '../processes/listening.mjs';

const provider = createOpenAICompatible({ name: 'bench', baseURL: process.env.MODEL_URL ?? '', includeUsage: true });
const model = provider('bench');

/** The same tool as Runtape's `clock`. */
const clock = tool({
  description: 'Returns the current date and time, in UTC and in a time zone.',
  inputSchema: z.object({
    timeZone: z.string().optional().describe('IANA name such as Europe/Berlin; UTC by default'),
  }),
  execute: async ({ timeZone = 'UTC' }) => {
    const now = new Date();
    return { instant: now.toISOString(), timeZone, local: now.toLocaleString('en', { timeZone }) };
  },
});

const tools = process.env.TOOLS ? { tools: { clock }, stopWhen: stepCountIs(20) } : {};

/** @param {import('node:http').IncomingMessage} request @returns {Promise<{ text: string }>} */
async function bodyOf(request) {
  let body = '';
  for await (const chunk of request) body += chunk;
  return JSON.parse(body);
}

const server = createServer(async (request, response) => {
  try {
    const { text } = await bodyOf(request);
    const closed = new AbortController();
    response.once('close', () => closed.abort());
    const result = streamText({
      model,
      system: 'You are a helpful assistant. Use the tools you have where they help.',
      prompt: text,
      abortSignal: closed.signal,
      ...tools,
    });
    await result.pipeUIMessageStreamToResponse(response);
  } catch (error) {
    console.error(error);
    response.writeHead(500).end();
  }
});
listen(server);
