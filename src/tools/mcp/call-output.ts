import type { CallToolResult, ContentBlock } from '@modelcontextprotocol/sdk/types.js';
import type { Json } from '../../domain/events.ts';
import { NO_ERROR_MESSAGE } from '../bounded-call.ts';
import type { SchemaCheck } from '../json-schema/schema-checker.ts';

/**
 * The output of a call: the structured content if there is any, text if there is only text, otherwise the list of blocks. Rejects
 * with the server's message if the result is an error, and with the reason if the structured content does not match its schema.
 */
export async function callOutput(
  { content, structuredContent, isError }: CallToolResult,
  check: SchemaCheck | null,
): Promise<Json> {
  if (isError) throw new Error(joinText(content) || structuredText(structuredContent) || NO_ERROR_MESSAGE);
  const problem = check === null ? null : await check((structuredContent as Json | undefined) ?? null);
  if (problem !== null) {
    throw new Error(
      `The call was executed, but its result cannot be used. It does not match the output schema of the tool: ${problem}.`,
    );
  }
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

/** Drops annotations and icons. Models get media as text, and base64 means nothing to them: a note says what there was. */
function blockOutput(block: ContentBlock): Json {
  switch (block.type) {
    case 'text':
      return { type: 'text', text: block.text };
    case 'image':
    case 'audio':
      return mediaNote(block.type, block.mimeType, block.data);
    case 'resource_link':
      return { type: 'resource_link', uri: block.uri, name: block.name, mimeType: block.mimeType ?? null };
    case 'resource': {
      const { resource } = block;
      if (!('text' in resource)) {
        return { ...mediaNote('resource', resource.mimeType ?? null, resource.blob), uri: resource.uri };
      }
      return { type: 'resource', uri: resource.uri, mimeType: resource.mimeType ?? null, text: resource.text };
    }
    default:
      return block satisfies never;
  }
}

function mediaNote(type: string, mimeType: string | null, base64: string) {
  const bytes = Buffer.byteLength(base64, 'base64');
  return { type, mimeType, bytes, note: `${mimeType ?? 'data'} of ${bytes} bytes, which is not shown` };
}
