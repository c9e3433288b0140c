import { z } from 'zod';
import type { RefusalOf } from '../domain/refusal.ts';
import { storableText } from '../domain/storable-text.ts';

export type Parsed<T> = { kind: 'parsed'; input: T } | RefusalOf<'invalid-input'>;

/** Problems that a refusal lists, and characters of each part of a path: the client knows what it sent. */
const LISTED_PROBLEMS = 20;
const PATH_CHARACTERS = 100;

/** Checks an input against a schema. The refusal lists every problem, up to LISTED_PROBLEMS. */
export function parseInput<Schema extends z.ZodType>(schema: Schema, input: unknown): Parsed<z.infer<Schema>> {
  const result = schema.safeParse(input);
  if (result.success) return { kind: 'parsed', input: result.data };
  const issues = result.error.issues.slice(0, LISTED_PROBLEMS).map(({ path, message }) => ({
    path: path.map((part) => String(part).slice(0, PATH_CHARACTERS).toWellFormed()),
    message,
  }));
  const message = issues.map((issue) => [...issue.path, issue.message].join(': ')).join('; ');
  return { kind: 'invalid-input', issues, message };
}

/** Text that is not blank, that both stores can hold, and that has at most so many UTF-8 bytes. */
export function text(bytes: number) {
  return z
    .string()
    .transform(storableText)
    .refine((value) => value.trim() !== '', 'must not be empty')
    .refine((value) => Buffer.byteLength(value) <= bytes, `must not be longer than ${bytes} bytes`);
}
