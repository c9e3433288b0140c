import { z } from 'zod';
import type { RefusalOf } from '../domain/refusal.ts';
import { storableText } from '../domain/storable-text.ts';

export type Parsed<T> = { kind: 'parsed'; input: T } | RefusalOf<'invalid-input'>;

/** Checks an input against a schema. The refusal lists every problem. */
export function parseInput<Schema extends z.ZodType>(schema: Schema, input: unknown): Parsed<z.infer<Schema>> {
  const result = schema.safeParse(input);
  if (result.success) return { kind: 'parsed', input: result.data };
  const issues = result.error.issues.map(({ path, message }) => ({ path: path.map(String), message }));
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
