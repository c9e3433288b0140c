import type { PayloadOf } from '../domain/events.ts';
import { beginningOf } from '../domain/storable-text.ts';

/** Longer texts are cut: collectors refuse large spans. */
const CONTENT_BYTES = 16 * 1024;

const text = (value: unknown) => beginningOf(typeof value === 'string' ? value : JSON.stringify(value), CONTENT_BYTES);

const textPart = (content: string) => ({ type: 'text', content: text(content) });

/** The message that a run answers. */
export function messageAttributes(message: string) {
  return { 'gen_ai.input.messages': JSON.stringify([{ role: 'user', parts: [textPart(message)] }]) };
}

/** The answer of a model, without the calls that it requested. */
export function outputAttributes({ text: answer, finishReason }: PayloadOf<'output'>) {
  const message = { role: 'assistant', parts: [textPart(answer)], finish_reason: finishReason };
  return { 'gen_ai.output.messages': JSON.stringify([message]) };
}

/** The input of a tool call, as the model wrote it. */
export function inputAttributes({ input }: PayloadOf<'tool_call'>) {
  return { 'gen_ai.tool.call.arguments': text(input) };
}

/** What a tool returned. */
export function callAttributes({ output, error }: PayloadOf<'tool_result'>) {
  return { 'gen_ai.tool.call.result': text(error ?? output) };
}
