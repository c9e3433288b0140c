import type { Message } from '../domain/transcript.ts';

/** Bytes of ordinary text that one token stands for, across the tokenisers in use. */
export const BYTES_PER_TOKEN = 4;
/** What a message costs beside its text: role and separators. */
const TOKENS_PER_MESSAGE = 4;

export function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);
}

export function estimateMessage(message: Message): number {
  const calls = message.role === 'assistant' ? message.calls : [];
  const asked = calls.reduce((sum, call) => sum + estimateTokens(call.tool + JSON.stringify(call.input)), 0);
  return TOKENS_PER_MESSAGE + estimateTokens(message.text) + asked;
}
