import { z } from 'zod';
import { OUTPUT_SCHEMA_BYTES } from '../config/limits.ts';
import type { Json } from '../domain/events.ts';
import { invalidInput, type RefusalOf } from '../domain/refusal.ts';
import type { CommandContext } from './command-context.ts';

/** A JSON Schema of results. What it says is checked with `invalidSchema`. */
export const outputSchemaField = z
  .json()
  .nullish()
  .refine((schema) => schema == null || (typeof schema === 'object' && !Array.isArray(schema)), {
    message: 'must be a JSON Schema: an object',
  })
  .refine((schema) => Buffer.byteLength(JSON.stringify(schema ?? null)) <= OUTPUT_SCHEMA_BYTES, {
    message: `must not be longer than ${OUTPUT_SCHEMA_BYTES} bytes as JSON`,
  });

/** Why results cannot be compared with a schema; null if they can. So a run does not find out. */
export async function invalidSchema(
  { schemaChecker }: Pick<CommandContext, 'schemaChecker'>,
  principal: string,
  schema: Json | undefined,
): Promise<RefusalOf<'invalid-input'> | null> {
  if (schema == null) return null;
  const problem = await schemaChecker.problemOf(schema as Record<string, unknown>, principal);
  if (problem === null) return null;
  return invalidInput(['outputSchema'], `is not a JSON Schema that the gateway can check: ${problem}`);
}
