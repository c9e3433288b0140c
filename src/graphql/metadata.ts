import { parseMetadata } from '../application/metadata.ts';
import { METADATA_KEY_CHARACTERS, METADATA_KEYS, METADATA_VALUE_CHARACTERS } from '../config/limits.ts';
import type { Json } from '../domain/events.ts';
import type { Metadata } from '../domain/metadata.ts';
import { isRefusal } from '../domain/refusal.ts';
import { badUserInput } from './public-errors.ts';

/** Describes an input field with metadata. */
export const METADATA_DESCRIPTION = `An object of at most ${METADATA_KEYS} keys of ${METADATA_KEY_CHARACTERS} characters, whose values are strings of at most ${METADATA_VALUE_CHARACTERS} characters.`;

/** Reads an argument with metadata. Throws BAD_USER_INPUT if it is not valid. */
export function metadataArgument(value: Json | undefined): Metadata | undefined {
  const parsed = parseMetadata(value);
  if (isRefusal(parsed)) throw badUserInput(`${parsed.message}.`);
  return parsed.input.metadata ?? undefined;
}
