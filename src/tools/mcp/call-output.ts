import type { CallToolResult, ContentBlock } from '@modelcontextprotocol/sdk/types.js';
import type { Json } from '../../domain/events.ts';
import { NO_ERROR_MESSAGE } from '../bounded-call.ts';

/**
 * The output of a call: the structured content if there is any, text if there is only text, otherwise the list of blocks. Throws
 * the server's message if the result is an error.
 */
export function callOutput({ content, structuredContent, isError }: CallToolResult): Json {
  if (isError) throw new Error(joinText(content) || structuredText(structuredContent) || NO_ERROR_MESSAGE);
  const isText = content.every(({ type }) => type === 'text');
  if (structuredContent === undefined) return isText ? joinText(content) : content.map(blockOutput);
  // Text blocks repeat the structured content. Other blocks do not.
  const structured = structuredContent as { [key: string]: Json };
  const others = content.filter(({ type }) => type !== 'text');
  return others.length === 0 ? structured : { structured, content: others.map(blockOutput) };
}

function joinText(content: readonly ContentBlock[]): string {
  return content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n');
}

function structuredText(value: unknown): string {
  return value === undefined ? '' : JSON.stringify(value);
}

/** Drops annotations and icons. Bytes stay base64. */
function blockOutput(block: ContentBlock): Json {
  switch (block.type) {
    case 'text':
      return { type: 'text', text: block.text };
    case 'image':
    case 'audio':
      return { type: block.type, mimeType: block.mimeType, data: block.data };
    case 'resource_link':
      return { type: 'resource_link', uri: block.uri, name: block.name, mimeType: block.mimeType ?? null };
    case 'resource': {
      const { resource } = block;
      const common = { type: 'resource', uri: resource.uri, mimeType: resource.mimeType ?? null };
      return 'text' in resource ? { ...common, text: resource.text } : { ...common, data: resource.blob };
    }
    default:
      return block satisfies never;
  }
}
