import { CLIENT_SOURCE } from '../config/tools-config.ts';
import type { ClientToolDeclaration, Json } from '../domain/events.ts';
import type { SchemaCheck, SchemaChecker } from './json-schema/schema-checker.ts';
import type { Tool } from './tool.ts';

/** Makes tools of what clients declare. A declaration is the same object as long as its run is in memory. */
export interface ClientTools {
  /** Why the schema of a declaration cannot be used; null if it can. */
  schemaProblem(author: string, declaration: ClientToolDeclaration): Promise<string | null>;
  /** @param author the principal who declared them */
  toolOf(author: string, declaration: ClientToolDeclaration): Tool;
}

export function createClientTools(schemaChecker: Pick<SchemaChecker, 'forParty'>): ClientTools {
  const tools = new WeakMap<ClientToolDeclaration, Tool>();

  function compile(author: string, { inputSchema }: ClientToolDeclaration): Promise<SchemaCheck> {
    return schemaChecker.forParty(author)(inputSchema as { [key: string]: Json }, 'input');
  }

  function createTool(author: string, declaration: ClientToolDeclaration): Tool {
    const { name, description, inputSchema, timeoutSeconds } = declaration;
    let check: Promise<SchemaCheck> | null = null;
    return {
      name,
      description,
      inputSchema,
      risk: 'LOW',
      idempotent: true,
      parallelSafe: true,
      timeoutSeconds: 0,
      // The client is shown what is recorded.
      keepsPlaceholders: true,
      source: CLIENT_SOURCE,
      delegation: { kind: 'CLIENT_TOOL', timeoutSeconds },
      async prepare(input) {
        check ??= compile(author, declaration);
        try {
          const problem = await (await check)(input);
          return problem === null ? { ok: true, input } : { ok: false, error: `Invalid input: ${problem}.` };
        } catch (error) {
          check = null;
          return { ok: false, error: `The input schema of ${name} cannot be used: ${messageOf(error)}` };
        }
      },
      execute: () => Promise.reject(new Error(`The client runs ${name}.`)),
    };
  }

  return {
    async schemaProblem(author, declaration) {
      try {
        await compile(author, declaration);
        return null;
      } catch (error) {
        return messageOf(error);
      }
    },
    toolOf(author, declaration) {
      const tool = tools.get(declaration) ?? createTool(author, declaration);
      tools.set(declaration, tool);
      return tool;
    },
  };
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
