import { z } from 'zod';
import { isPrincipal, LOCAL_PRINCIPAL, principalError } from './access-config.ts';
import type { ConfigurationIssue } from './configuration-issue.ts';
import * as limits from './limits.ts';
import { knownModels, unknownModel } from './model-config.ts';

const clientTool = z.strictObject({
  name: z.string(),
  description: z.string().min(1),
  /** JSON Schema of an object. */
  inputSchema: z.record(z.string(), z.json()),
  timeoutSeconds: z.int().positive().max(limits.CLIENT_TOOL_SECONDS).optional(),
});

const agent = z
  .strictObject({
    owner: z.string().refine(isPrincipal, { error: principalError }).optional(),
    name: z.string().min(1),
    instructions: z.string(),
    model: z.string().min(1).optional(),
    tools: z.array(z.string().min(1)).optional(),
    limits: z
      .strictObject({
        maxSteps: z.int().positive().optional(),
        maxToolCalls: z.int().positive().optional(),
        runSeconds: z.number().positive().optional(),
        maxTokens: z.int().positive().optional(),
        maxCost: z.number().positive().optional(),
      })
      .optional(),
    outputSchema: z.record(z.string(), z.json()).optional(),
    clientTools: z.array(clientTool).optional(),
    default: z.boolean().default(false),
  })
  .transform(({ owner = LOCAL_PRINCIPAL, default: isDefault, ...setup }) => ({ ...setup, owner, isDefault }));

/** An agent that the operator defines. What its texts and schemas say is checked where it is stored. */
export type ConfiguredAgent = z.output<typeof agent>;

export const agentsConfigSchema = z.object({ agents: z.array(agent).max(limits.CONFIGURED_AGENTS).default([]) });

/** The members that are compared with each other and with other sections, whether or not the rest is valid. */
const comparedSchema = z.object({
  auth: z.object({ mode: z.string().default('none') }).prefault({}),
  agents: z
    .array(
      z.object({
        owner: z.string().optional(),
        name: z.string(),
        model: z.string().optional(),
        default: z.boolean().default(false),
      }),
    )
    .default([]),
});

/** Agents without an owner where principals sign in, names that an owner has twice, and models that do not exist. */
export function checkAgents(file: unknown): ConfigurationIssue[] {
  const parsed = comparedSchema.safeParse(file);
  if (!parsed.success) return [];
  const { auth, agents } = parsed.data;
  const ownerOf = (entry: { owner?: string | undefined }) => entry.owner ?? LOCAL_PRINCIPAL;
  const models = knownModels(file);
  return agents.flatMap((entry, index) => {
    const earlier = agents.slice(0, index).filter((other) => ownerOf(other) === ownerOf(entry));
    const issues: ConfigurationIssue[] = [];
    if (entry.owner === undefined && auth.mode !== 'none') {
      issues.push({ path: ['agents', index, 'owner'], message: 'must be the principal who owns the agent' });
    }
    if (earlier.some(({ name }) => name === entry.name)) {
      const message = `the owner has another agent named "${entry.name}" in this file. Use another name`;
      issues.push({ path: ['agents', index, 'name'], message });
    }
    if (entry.default && earlier.some((other) => other.default)) {
      const message = 'another agent of the same owner is the default. Remove one of them';
      issues.push({ path: ['agents', index, 'default'], message });
    }
    if (entry.model !== undefined && models !== null && !models.has(entry.model)) {
      issues.push({ path: ['agents', index, 'model'], message: unknownModel(entry.model, models) });
    }
    return issues;
  });
}
