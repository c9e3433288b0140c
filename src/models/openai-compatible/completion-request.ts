import type { Json } from '../../domain/events.ts';
import type { Message } from '../../domain/transcript.ts';
import type { ModelRequest, ToolDescription } from '../model.ts';
import { acceptableToolName, asObject } from '../provider/tool-calls.ts';

export interface CompletionSettings {
  /** The provider's name for the model. */
  model: string;
  /** Null lets the provider decide. */
  maxOutputTokens: number | null;
  /** Additional fields of the body, as configured. A field that is null removes a default, such as `stream_options`. */
  options: Readonly<Record<string, Json>>;
}

/** The body of a streaming chat completion. */
export function completionBody(settings: CompletionSettings, request: ModelRequest): string {
  const { model, options } = settings;
  const maxOutputTokens = request.maxOutputTokens ?? settings.maxOutputTokens;
  const adjustable = { max_tokens: maxOutputTokens, stream_options: { include_usage: true }, ...options };
  return JSON.stringify({
    ...Object.fromEntries(Object.entries(adjustable).filter(([, value]) => value !== null)),
    model,
    messages: messagesOf(request),
    tools: request.tools.length > 0 ? request.tools.map(toolOf) : undefined,
    stream: true,
  });
}

function toolOf({ name, description, inputSchema }: ToolDescription) {
  return { type: 'function', function: { name, description, parameters: inputSchema } };
}

function messagesOf({ instructions, messages }: ModelRequest): unknown[] {
  const list: unknown[] = instructions === '' ? [] : [{ role: 'system', content: instructions }];
  for (const message of messages) if (!isEmpty(message)) list.push(messageOf(message));
  return list;
}

/** Providers refuse an assistant message without content. */
function isEmpty(message: Message): boolean {
  return message.role === 'assistant' && message.text === '' && message.calls.length === 0;
}

function messageOf(message: Message) {
  switch (message.role) {
    case 'user':
      return { role: 'user', content: message.text };
    case 'tool':
      return {
        role: 'tool',
        tool_call_id: message.callId,
        content: message.ok ? message.text : `Error: ${message.text}`,
      };
    case 'assistant':
      return message.calls.length === 0
        ? { role: 'assistant', content: message.text }
        : {
            role: 'assistant',
            content: message.text === '' ? null : message.text,
            tool_calls: message.calls.map(({ callId, tool, input }) => ({
              id: callId,
              type: 'function',
              function: { name: acceptableToolName(tool), arguments: JSON.stringify(asObject(input)) },
            })),
          };
    default:
      return message satisfies never;
  }
}
