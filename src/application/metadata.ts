import { z } from 'zod';
import * as limits from '../config/limits.ts';
import type { Json } from '../domain/events.ts';
import type { Metadata, MetadataChange } from '../domain/metadata.ts';
import { invalidInput, type RefusalOf } from '../domain/refusal.ts';
import { type Parsed, parseInput } from './parse-input.ts';

/** The field of an input with metadata. Null if there is none. */
export const metadataField = metadataOf<Metadata>('string');

/** The field of an input that changes metadata. */
export const metadataChangeField = metadataOf<MetadataChange>('string or null');

/** @param values what a value may be */
function metadataOf<Accepted extends MetadataChange>(values: 'string' | 'string or null') {
  return z
    .custom<Json>()
    .nullish()
    .transform((value, context): Accepted | null => {
      if (value == null) return null;
      for (const { path, message } of metadataIssues(value, values))
        context.addIssue({ code: 'custom', path, message });
      // A value with issues is dropped.
      return value as Accepted;
    });
}

interface MetadataIssue {
  path: string[];
  message: string;
}

function metadataIssues(value: Json, values: 'string' | 'string or null'): MetadataIssue[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [{ path: [], message: `must be an object whose values are strings, not ${kindOf(value)}` }];
  }
  const entries = Object.entries(value);
  const problem = countProblem(entries.length);
  if (problem !== null) return [{ path: [], message: problem }];
  return entries.flatMap(([key, member]) => {
    const message = keyProblem(key) ?? valueProblem(member, values);
    return message === null ? [] : [{ path: [key], message }];
  });
}

function countProblem(keys: number): string | null {
  return keys > limits.METADATA_KEYS ? `has ${keys} keys, but at most ${limits.METADATA_KEYS} are allowed` : null;
}

function keyProblem(key: string): string | null {
  if (key === '') return 'the key must not be empty';
  // Objects with this member cannot be copied safely.
  if (key === '__proto__') return 'the key `__proto__` is not allowed';
  const problem = textProblem(key, limits.METADATA_KEY_CHARACTERS);
  return problem === null ? null : `the key ${problem}`;
}

function valueProblem(value: Json | undefined, values: 'string' | 'string or null'): string | null {
  if (typeof value === 'string') return textProblem(value, limits.METADATA_VALUE_CHARACTERS);
  if (value === null && values === 'string or null') return null;
  return `must be a ${values}, not ${kindOf(value)}`;
}

/** Metadata is compared for equality, so characters that a store cannot hold are refused and not replaced. */
function textProblem(text: string, maximum: number): string | null {
  const characters = [...text].length;
  if (characters > maximum) return `has ${characters} characters, but at most ${maximum} are allowed`;
  if (text.includes('\0')) return 'must not contain the character U+0000';
  return text.isWellFormed() ? null : 'must not contain half of a surrogate pair';
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** Refuses metadata that has too many keys after a change. */
export function tooManyKeys(metadata: Metadata): RefusalOf<'invalid-input'> | null {
  const problem = countProblem(Object.keys(metadata).length);
  return problem === null ? null : invalidInput(['metadata'], `${problem}. Delete keys by setting them to null`);
}

const schema = z.object({ metadata: metadataField });

/** Checks metadata that is not part of another input. */
export function parseMetadata(metadata: Json | undefined): Parsed<{ metadata: Metadata | null }> {
  return parseInput(schema, { metadata });
}
