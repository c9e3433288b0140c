// @ts-check
// AI SDK as its documentation sets it up for Node: `streamText`, piped to the response as the stream that `useChat` reads.
// Nothing is stored.
import { createServer } from 'node:http';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { streamText } from 'ai';
import { listen } from '../processes/listening.mjs';

const provider = createOpenAICompatible({ name: 'bench', baseURL: process.env.MODEL_URL ?? '', includeUsage: true });
const model = provider('bench');

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
    });
    await result.pipeUIMessageStreamToResponse(response);
  } catch (error) {
    console.error(error);
    response.writeHead(500).end();
  }
});
listen(server);
