import type { Json } from '../../domain/events.ts';
import type { ModelMessage, ModelRequest, ToolDescription, UserPart } from '../model.ts';
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
  const body = JSON.stringify({
    ...Object.fromEntries(Object.entries(adjustable).filter(([, value]) => value !== null)),
    model,
    messages: messagesOf(request),
    // Not those of `options`.
    tools: undefined,
    ...(request.outputSchema !== undefined && { response_format: responseFormat(request.outputSchema) }),
    stream: true,
  });
  return request.tools.length === 0 ? body : `${body.slice(0, -1)},"tools":[${request.tools.map(toolText).join(',')}]}`;
}

/** Not `strict`: that refuses schemas with optional members. The answer is checked in any case. */
function responseFormat(schema: Json) {
  return { type: 'json_schema', json_schema: { name: 'result', schema } };
}

/** By tool: the same objects are part of every request, and longer than most messages. */
const toolTexts = new WeakMap<ToolDescription, string>();

function toolText(tool: ToolDescription): string {
  const cached = toolTexts.get(tool);
  if (cached !== undefined) return cached;
  const { name, description, inputSchema } = tool;
  const text = JSON.stringify({ type: 'function', function: { name, description, parameters: inputSchema } });
  toolTexts.set(tool, text);
  return text;
}

function messagesOf({ instructions, messages }: ModelRequest): unknown[] {
  const list: unknown[] = instructions === '' ? [] : [{ role: 'system', content: instructions }];
  for (const message of messages) if (!isEmpty(message)) list.push(messageOf(message));
  return list;
}

/** Providers refuse an assistant message without content. */
function isEmpty(message: ModelMessage): boolean {
  return message.role === 'assistant' && message.text === '' && message.calls.length === 0;
}

function messageOf(message: ModelMessage) {
  switch (message.role) {
    case 'user':
      return { role: 'user', content: message.parts ? message.parts.map(partOf) : message.text };
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

function partOf(part: UserPart) {
  if (part.type === 'text') return part;
  const { name, mediaType, bytes } = part;
  const url = `data:${mediaType};base64,${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')}`;
  return mediaType.startsWith('image/')
    ? { type: 'image_url', image_url: { url } }
    : { type: 'file', file: { filename: name, file_data: url } };
}
