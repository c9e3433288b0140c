import type { LanguageModelV3CallOptions, LanguageModelV3FunctionTool, LanguageModelV3Prompt } from '@ai-sdk/provider';
import type { Message } from '../../domain/transcript.ts';
import { asObject, shownToolName } from '../provider/tool-calls.ts';
import type { ModelRequest } from '../model.ts';
import { readState } from './provider-state.ts';

type PromptMessage = LanguageModelV3Prompt[number];
type ToolMessage = Extract<PromptMessage, { role: 'tool' }>;

/** Stands where the conversation begins in its middle: several providers insist that a person speaks first. */
const EARLIER = 'Earlier messages are not shown.';

/**
 * A request in the words of the AI SDK's specification.
 * @param name of the model, as the configuration has it: what it wanted to be kept is shown to it alone
 */
export function promptOf(request: ModelRequest, name: string): Pick<LanguageModelV3CallOptions, 'prompt' | 'tools'> {
  const tools = request.tools.map(toolOf);
  return { prompt: messagesOf(request, name), ...(tools.length > 0 && { tools }) };
}

function toolOf({ name, description, inputSchema }: ModelRequest['tools'][number]): LanguageModelV3FunctionTool {
  return {
    type: 'function',
    name,
    description,
    inputSchema: inputSchema as LanguageModelV3FunctionTool['inputSchema'],
  };
}

function messagesOf({ instructions, messages }: ModelRequest, name: string): LanguageModelV3Prompt {
  const prompt: LanguageModelV3Prompt = [];
  if (messages[0] && messages[0].role !== 'user') prompt.push(userMessage(EARLIER));
  for (const message of messages) add(prompt, message, name);
  return instructions === '' ? prompt : [{ role: 'system', content: instructions }, ...prompt];
}

function add(prompt: LanguageModelV3Prompt, message: Message, name: string): void {
  switch (message.role) {
    case 'user':
      prompt.push(userMessage(message.text));
      return;
    case 'assistant': {
      const content = answerOf(message, name);
      // Providers refuse an answer in which there is nothing.
      if (content.length > 0) prompt.push({ role: 'assistant', content });
      return;
    }
    case 'tool': {
      // Results of one answer are one message.
      const last = prompt.at(-1);
      if (last?.role === 'tool') last.content.push(resultOf(message));
      else prompt.push({ role: 'tool', content: [resultOf(message)] });
      return;
    }
    default:
      message satisfies never;
  }
}

function userMessage(text: string): PromptMessage {
  return { role: 'user', content: [{ type: 'text', text }] };
}

type AnswerPart = Extract<PromptMessage, { role: 'assistant' }>['content'][number];

function answerOf({ text, calls, kept }: Extract<Message, { role: 'assistant' }>, name: string): AnswerPart[] {
  const { thoughts, ofCalls } = readState(kept?.model === name ? kept.state : null);
  const thought = thoughts.map(
    (part): AnswerPart => ({ type: 'reasoning', text: part.text, providerOptions: part.metadata }),
  );
  const said: AnswerPart[] = text.trim() === '' ? [] : [{ type: 'text', text }];
  const asked = calls.map(
    ({ callId, tool, input }, index): AnswerPart => ({
      type: 'tool-call',
      toolCallId: callId,
      toolName: shownToolName(tool),
      input: asObject(input),
      ...(ofCalls[index] && { providerOptions: ofCalls[index] }),
    }),
  );
  return [...thought, ...said, ...asked];
}

function resultOf({ callId, tool, ok, text }: Extract<Message, { role: 'tool' }>): ToolMessage['content'][number] {
  return {
    type: 'tool-result',
    toolCallId: callId,
    toolName: shownToolName(tool),
    output: { type: ok ? 'text' : 'error-text', value: text },
  };
}
