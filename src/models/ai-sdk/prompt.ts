import type { LanguageModelV3CallOptions, LanguageModelV3FunctionTool, LanguageModelV3Prompt } from '@ai-sdk/provider';
import type { Message } from '../../domain/transcript.ts';
import type { ModelMessage, ModelRequest, ToolDescription, UserPart } from '../model.ts';
import { acceptableToolName, asObject } from '../provider/tool-calls.ts';
import { readProviderState } from './provider-state.ts';

type JSONSchema = LanguageModelV3FunctionTool['inputSchema'];
type PromptMessage = LanguageModelV3Prompt[number];
type AssistantPart = Extract<PromptMessage, { role: 'assistant' }>['content'][number];
type UserContentPart = Extract<PromptMessage, { role: 'user' }>['content'][number];
type ToolResultPart = Extract<PromptMessage, { role: 'tool' }>['content'][number];

/** Comes first if the history begins with another role: several providers require a user message at the start. */
const EARLIER = 'Earlier messages are not shown.';

/**
 * A request in the form of the AI SDK's specification.
 * @param name the model's name in the configuration: provider state is sent only to the model that it came from
 */
export function promptOf(
  request: ModelRequest,
  name: string,
): Pick<LanguageModelV3CallOptions, 'prompt' | 'tools' | 'responseFormat'> {
  const tools = request.tools.map(toolOf);
  const schema = request.outputSchema as JSONSchema | undefined;
  return {
    prompt: messagesOf(request, name),
    ...(tools.length > 0 && { tools }),
    ...(schema !== undefined && { responseFormat: { type: 'json', name: 'result', schema } }),
  };
}

function toolOf({ name, description, inputSchema }: ToolDescription): LanguageModelV3FunctionTool {
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
  for (const message of messages) addMessage(prompt, message, name);
  return instructions === '' ? prompt : [{ role: 'system', content: instructions }, ...prompt];
}

function addMessage(prompt: LanguageModelV3Prompt, message: ModelMessage, name: string): void {
  switch (message.role) {
    case 'user':
      prompt.push(message.parts ? { role: 'user', content: message.parts.map(partOf) } : userMessage(message.text));
      return;
    case 'assistant': {
      const content = assistantContent(message, name);
      // Providers refuse an assistant message without content.
      if (content.length > 0) prompt.push({ role: 'assistant', content });
      return;
    }
    case 'tool': {
      // The results of one assistant message are one tool message.
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

function partOf(part: UserPart): UserContentPart {
  if (part.type === 'text') return part;
  const { name: filename, mediaType, bytes: data } = part;
  return { type: 'file', filename, mediaType, data };
}

function assistantContent(
  { text, calls, kept }: Extract<Message, { role: 'assistant' }>,
  name: string,
): AssistantPart[] {
  const { thoughts, ofCalls } = readProviderState(kept?.model === name ? kept.state : null);
  const reasoningParts = thoughts.map(
    (thought): AssistantPart => ({ type: 'reasoning', text: thought.text, providerOptions: thought.metadata }),
  );
  const textParts: AssistantPart[] = text.trim() === '' ? [] : [{ type: 'text', text }];
  const callParts = calls.map(
    ({ callId, tool, input }, index): AssistantPart => ({
      type: 'tool-call',
      toolCallId: callId,
      toolName: acceptableToolName(tool),
      input: asObject(input),
      ...(ofCalls[index] && { providerOptions: ofCalls[index] }),
    }),
  );
  return [...reasoningParts, ...textParts, ...callParts];
}

function resultOf({ callId, tool, ok, text }: Extract<Message, { role: 'tool' }>): ToolResultPart {
  return {
    type: 'tool-result',
    toolCallId: callId,
    toolName: acceptableToolName(tool),
    output: { type: ok ? 'text' : 'error-text', value: text },
  };
}
