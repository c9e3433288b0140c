import { z } from 'zod';
import * as limits from '../../config/limits.ts';
import type { ClientToolDeclaration, Json } from '../../domain/events.ts';
import type { InputIssue, Refusal } from '../../domain/refusal.ts';
import { canonicalValue } from '../../journal/canonical-json.ts';
import type { ClientTools } from '../../tools/client-tools.ts';
import type { Toolbox } from '../../tools/toolbox.ts';
import { text } from '../parse-input.ts';

const declaration = z
  .object({
    name: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must have 1 to 64 letters, digits, `_` or `-`'),
    description: text(limits.CLIENT_TOOL_DESCRIPTION_BYTES),
    inputSchema: z.custom<Json>().optional().refine(isObjectSchema, 'must be a JSON Schema with `"type": "object"`'),
    timeoutSeconds: z.int().positive('must be at least 1').max(limits.CLIENT_TOOL_SECONDS).nullish(),
  })
  .transform(
    ({ inputSchema, timeoutSeconds, ...rest }): ClientToolDeclaration => ({
      ...rest,
      inputSchema: canonicalValue(inputSchema ?? null),
      timeoutSeconds: timeoutSeconds ?? null,
    }),
  );

/** The field of an input that declares tools of a client. Null if there is none. */
export const clientToolsField = z
  .array(declaration)
  .max(limits.CLIENT_TOOLS, `must have at most ${limits.CLIENT_TOOLS} tools`)
  .refine(
    (tools) => Buffer.byteLength(JSON.stringify(tools)) <= limits.CLIENT_TOOLS_BYTES,
    `must not be longer than ${limits.CLIENT_TOOLS_BYTES} bytes as JSON`,
  )
  .nullish();

function isObjectSchema(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'object';
}

/** Why a principal cannot declare these tools: a name is taken or given twice, or a schema cannot be used. */
export async function clientToolsProblem(
  { toolbox, clientTools }: { toolbox: Pick<Toolbox, 'find' | 'unavailableReason'>; clientTools: ClientTools },
  author: string,
  declarations: readonly ClientToolDeclaration[],
): Promise<Refusal | null> {
  const names = declarations.map(({ name }) => name);
  const issues: InputIssue[] = [];
  for (const [index, each] of declarations.entries()) {
    const path = ['clientTools', String(index)];
    if (names.indexOf(each.name) !== index) {
      issues.push({ path: [...path, 'name'], message: `"${each.name}" is declared twice` });
    } else if (toolbox.find(each.name) || toolbox.unavailableReason(each.name) !== null) {
      issues.push({ path: [...path, 'name'], message: `"${each.name}" is a tool of the gateway. Use another name` });
    } else {
      const problem = await clientTools.schemaProblem(author, each);
      if (problem !== null) issues.push({ path: [...path, 'inputSchema'], message: `cannot be used: ${problem}` });
    }
  }
  if (issues.length === 0) return null;
  const message = issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
  return { kind: 'invalid-input', issues, message };
}
