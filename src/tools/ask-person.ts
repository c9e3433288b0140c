import { z } from 'zod';
import { ANSWER_SCHEMA_BYTES, QUESTION_CHARACTERS, QUESTION_CHOICES } from '../config/limits.ts';
import type { AskedQuestion, Json } from '../domain/events.ts';
import type { SchemaChecker } from './json-schema/schema-checker.ts';
import { defineTool, type Tool } from './tool.ts';

type AnswerSchema = { [key: string]: Json };

const input = z
  .strictObject({
    prompt: z.string().trim().min(1).max(QUESTION_CHARACTERS).describe('the question, in the language of the person'),
    choices: z
      .array(z.string().min(1))
      .min(1)
      .max(QUESTION_CHOICES)
      .optional()
      .describe('the answers to choose from; not together with `schema`'),
    schema: z
      .record(z.string(), z.json())
      .refine((schema) => Buffer.byteLength(JSON.stringify(schema)) <= ANSWER_SCHEMA_BYTES, 'is too long')
      .optional()
      .describe('JSON Schema of the answer; without `schema` and `choices` the answer is a text'),
  })
  .refine(({ choices, schema }) => choices === undefined || schema === undefined, {
    path: ['schema'],
    message: 'give either `choices` or `schema`, not both',
  });

function answerSchemaOf({ choices, schema }: z.infer<typeof input>): AnswerSchema {
  if (choices) return { enum: [...new Set(choices)] };
  return schema ?? { type: 'string' };
}

/** Asks a person. The call waits for the answer, which becomes its result. */
export function createAskPerson(schemaChecker: Pick<SchemaChecker, 'forParty'>): Tool {
  const tool = defineTool({
    name: 'ask_person',
    description: 'Asks the person a question and waits for the answer. The person can also decline or cancel.',
    input,
    risk: 'LOW',
    idempotent: true,
    parallelSafe: true,
    timeoutSeconds: 0,
    // The person is shown what is recorded.
    keepsPlaceholders: true,
    execute: () => Promise.reject(new Error('A person answers.')),
  });
  return {
    ...tool,
    delegation: {
      kind: 'QUESTION',
      timeoutSeconds: null,
      question(asked): Omit<AskedQuestion, 'source' | 'url'> {
        const parsed = input.parse(asked);
        return { prompt: parsed.prompt, answerSchema: answerSchemaOf(parsed) };
      },
    },
    async prepare(asked, owner) {
      const prepared = await tool.prepare(asked, owner);
      if (!prepared.ok) return prepared;
      try {
        await // The owner can write the schema, or have the model write it.
        await schemaChecker.forParty(owner)(answerSchemaOf(input.parse(asked)), 'answer');
        return prepared;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        return { ok: false, error: `Invalid input: the schema of the answer cannot be used: ${reason}` };
      }
    },
  };
}
