import type { CallToolResult, ContentBlock } from '@modelcontextprotocol/sdk/types.js';
import type { Json } from '../../domain/events.ts';

/** What the tape keeps of a call's result. Throws what the tool said where it says that it failed. */
export function callOutput({ content, structuredContent, isError }: CallToolResult): Json {
  if (isError) throw new Error(textOf(content) || jsonOf(structuredContent) || 'The tool failed without saying why.');
  const texts = content.every(({ type }) => type === 'text');
  if (structuredContent === undefined) return texts ? textOf(content) : content.map(blockOutput);
  // Its text repeats what is structured; an image beside it does not.
  const structured = structuredContent as { [key: string]: Json };
  const others = content.filter(({ type }) => type !== 'text');
  return others.length === 0 ? structured : { structured, content: others.map(blockOutput) };
}

function textOf(content: readonly ContentBlock[]): string {
  return content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n');
}

function jsonOf(value: unknown): string {
  return value === undefined ? '' : JSON.stringify(value);
}

/** One block without what is meant for a screen: bytes stay base64, with what they are. */
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
      const described = { type: 'resource', uri: resource.uri, mimeType: resource.mimeType ?? null };
      return 'text' in resource ? { ...described, text: resource.text } : { ...described, data: resource.blob };
    }
    default:
      return block satisfies never;
  }
}
