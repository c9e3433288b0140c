import type { ServerResponse } from 'node:http';

type Fields = Record<string, unknown>;

/** Sends events of Anthropic's streaming messages, and leaves the response open. */
export function sendMessageEvents(response: ServerResponse, ...events: ({ type: string } & Fields)[]): void {
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  for (const event of events) response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
}

export const messageStart = (usage: Fields = { input_tokens: 12, output_tokens: 1 }) => ({
  type: 'message_start',
  message: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-test',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage,
  },
});

export const blockStart = (index: number, content_block: Fields) => ({
  type: 'content_block_start',
  index,
  content_block,
});

export const blockDelta = (index: number, delta: Fields) => ({ type: 'content_block_delta', index, delta });

export const blockStop = (index: number) => ({ type: 'content_block_stop', index });

export const textBlock = (index: number, ...pieces: string[]) => [
  blockStart(index, { type: 'text', text: '' }),
  ...pieces.map((text) => blockDelta(index, { type: 'text_delta', text })),
  blockStop(index),
];

export const thinkingBlock = (index: number, thinking: string) => [
  blockStart(index, { type: 'thinking', thinking: '', signature: '' }),
  blockDelta(index, { type: 'thinking_delta', thinking }),
  blockDelta(index, { type: 'signature_delta', signature: 'c2lnbmVk' }),
  blockStop(index),
];

export const toolBlock = (index: number, id: string, name: string, ...pieces: string[]) => [
  blockStart(index, { type: 'tool_use', id, name, input: {} }),
  ...pieces.map((partial_json) => blockDelta(index, { type: 'input_json_delta', partial_json })),
  blockStop(index),
];

export const messageEnd = (stop_reason = 'end_turn', usage: Fields = { output_tokens: 9 }) => [
  { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage },
  { type: 'message_stop' },
];
