import type { Json } from '../../domain/events.ts';

/** The longest name of a tool that the common providers take. */
const NAME_CHARACTERS = 64;

/** What a model wrote in place of an object is on the tape as it was; many servers refuse to be shown it so. */
export function asObject(input: Json): { [key: string]: Json } {
  return typeof input === 'object' && input !== null && !Array.isArray(input) ? input : { malformed: input };
}

/** A model may ask for a tool of any name; providers take back only names that a tool could have. */
export function shownToolName(tool: string): string {
  return tool.replace(/[^\w-]/g, '_').slice(0, NAME_CHARACTERS) || 'unnamed';
}
