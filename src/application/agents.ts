import { z } from 'zod';
import * as limits from '../config/limits.ts';
import { StoreError } from '../database/store-error.ts';
import type { Json } from '../domain/events.ts';
import { conflict, invalidInput, isRefusal, limitExceeded, notFound, type Refusal } from '../domain/refusal.ts';
import type { AgentLimits } from '../domain/run-limits.ts';
import { storableText } from '../domain/storable-text.ts';
import {
  type AgentRow,
  type AgentSetup,
  agentById,
  createAgent as create,
  deleteAgent as remove,
  updateAgent as update,
} from '../repositories/agents.ts';
import type { CommandContext, Viewer } from './command-context.ts';
import { idempotencyKeyField, idempotencyRows, performOnce } from './idempotency.ts';
import { invalidSchema, outputSchemaField } from './output-schema.ts';
import { parseInput, text } from './parse-input.ts';
import { clientToolsField, clientToolsProblem } from './tool-calls/client-tool-declarations.ts';

const bound = z.int().positive('must be at least 1').nullish();
const limitsSchema = z.object({
  maxSteps: bound,
  maxToolCalls: bound,
  maxTokens: bound,
  runSeconds: z.number().positive('must be more than 0').nullish(),
  maxCost: z.number().positive('must be more than 0').nullish(),
});

const shape = {
  name: text(limits.AGENT_NAME_BYTES),
  instructions: z
    .string()
    .transform(storableText)
    .refine((value) => Buffer.byteLength(value) <= limits.INSTRUCTIONS_BYTES, 'is too long'),
  model: z.string().nullish(),
  tools: z.array(text(limits.AGENT_NAME_BYTES)).max(limits.AGENT_TOOLS).nullish(),
  limits: limitsSchema.nullish(),
  outputSchema: outputSchemaField,
  clientTools: clientToolsField,
  makeDefault: z.boolean().nullish(),
};

/** A whole setup, as a client or the operator gives it. */
export const setupSchema = z.object(shape).omit({ makeDefault: true });

const createSchema = z.object({ ...shape, idempotencyKey: idempotencyKeyField });
const updateSchema = z.object({
  ...shape,
  agentId: z.string(),
  name: shape.name.nullish(),
  instructions: shape.instructions.nullish(),
});

export type ChangedAgent = { kind: 'changed'; agentId: string };

export async function createAgent(
  context: CommandContext,
  viewer: Viewer,
  raw: z.input<typeof createSchema>,
): Promise<ChangedAgent | Refusal> {
  const parsed = parseInput(createSchema, raw);
  if (isRefusal(parsed)) return parsed;
  const { name, makeDefault } = parsed.input;
  const { principal: owner } = viewer;
  const problem = makeDefault ? defaultIsConfigured(context, owner) : null;
  const refusal =
    problem ?? unknownModel(context, parsed.input.model) ?? (await schemaProblem(context, owner, parsed.input));
  if (refusal) return refusal;
  const id = context.newId('agent');
  const createdAt = new Date(context.now());
  const { agentVersions: maxVersions } = context.settings;
  const mutation = { name: 'createAgent', input: parsed.input } as const;
  const keyRows = idempotencyRows(context, viewer, mutation, { resultId: id, sessionId: null, seq: null });
  return refuseTakenName(name, () =>
    performOnce<ChangedAgent | Refusal>(context, viewer, mutation, {
      async perform() {
        const agent = { ...setupOf(parsed.input), id, owner, createdAt, isDefault: makeDefault ?? false };
        const outcome = await create(context.database, agent, { rows: keyRows, maxVersions });
        return outcome === 'created' ? { kind: 'changed', agentId: id } : tooManyVersions(maxVersions);
      },
      async repeat({ resultId: agentId }) {
        if (await agentById(context.database, owner, agentId)) return { kind: 'changed', agentId };
        return conflict(`Agent ${agentId}, which was created with this idempotency key, was deleted. Use a new key.`);
      },
    }),
  );
}

export async function updateAgent(
  context: CommandContext,
  viewer: Viewer,
  raw: z.input<typeof updateSchema>,
): Promise<ChangedAgent | Refusal> {
  const parsed = parseInput(updateSchema, raw);
  if (isRefusal(parsed)) return parsed;
  const { agentId, name, instructions, model, tools, outputSchema, clientTools, makeDefault } = parsed.input;
  const { principal: owner } = viewer;
  const problem = unknownModel(context, model) ?? (await schemaProblem(context, owner, parsed.input));
  if (problem) return problem;
  const change = {
    name: name ?? undefined,
    instructions: instructions ?? undefined,
    model: model ?? undefined,
    tools: tools ?? undefined,
    isDefault: makeDefault ?? undefined,
    limits: limitsOf(parsed.input.limits),
    outputSchema: schemaOf(outputSchema),
    clientTools: clientToolsOf(clientTools),
  };
  const changesSetup = Object.entries(change).some(([key, value]) => key !== 'isDefault' && value !== undefined);
  const agent = changesSetup ? await agentById(context.database, owner, agentId) : null;
  const refusal =
    (agent && refuseConfigured(context, agent)) ?? (makeDefault == null ? null : defaultIsConfigured(context, owner));
  if (refusal) return refusal;
  return refuseTakenName(name ?? '', async () => {
    const { agentVersions: maxVersions } = context.settings;
    const updatedAt = new Date(context.now());
    const updated = await update(context.database, owner, agentId, change, { updatedAt, maxVersions });
    if (updated === 'versions-full') return tooManyVersions(maxVersions);
    return updated ? { kind: 'changed', agentId } : notFound('agent', agentId);
  });
}

export type DeletedAgent = { kind: 'deleted'; agentId: string };

/**
 * Deletes an agent. Its sessions have no agent from then on. The default agent cannot be deleted, nor one that the configuration
 * defines.
 */
export async function deleteAgent(
  context: CommandContext,
  { principal: owner }: Viewer,
  { agentId }: { agentId: string },
): Promise<DeletedAgent | Refusal> {
  const { database } = context;
  const agent = await agentById(database, owner, agentId);
  if (!agent) return notFound('agent', agentId);
  const refusal = refuseConfigured(context, agent);
  if (refusal) return refusal;
  if (agent.isDefault) return conflict(`Agent ${agentId} is the default agent. Make another agent the default first.`);
  return (await remove(database, owner, agentId)) ? { kind: 'deleted', agentId } : notFound('agent', agentId);
}

/** The setup of a new agent. */
export function setupOf(given: z.output<typeof setupSchema>): AgentSetup {
  const { name, instructions, model, tools, limits, outputSchema, clientTools } = given;
  return {
    name,
    instructions,
    model: model ?? null,
    tools: tools ?? null,
    limits: limitsOf(limits) ?? null,
    outputSchema: schemaOf(outputSchema) ?? null,
    clientTools: clientToolsOf(clientTools) ?? null,
  };
}

/** Undefined when the input does not name limits; null when it sets none. */
function limitsOf(given: z.infer<typeof limitsSchema> | null | undefined): AgentLimits | null | undefined {
  if (given == null) return undefined;
  const { maxSteps = null, maxToolCalls = null, runSeconds = null, maxTokens = null, maxCost = null } = given;
  const all = { maxSteps, maxToolCalls, runSeconds, maxTokens, maxCost };
  return Object.values(all).every((value) => value === null) ? null : all;
}

/** Undefined when the input does not name a schema; null for an empty one, which accepts everything. */
function schemaOf(given: Json | undefined): Json | undefined {
  if (given == null) return undefined;
  return typeof given === 'object' && Object.keys(given).length === 0 ? null : given;
}

/** Undefined when the input does not name any; null when it removes them. */
function clientToolsOf(given: AgentSetup['clientTools'] | undefined): AgentSetup['clientTools'] | undefined {
  if (given == null) return undefined;
  return given.length === 0 ? null : given;
}

function tooManyVersions(maximum: number): Refusal {
  return limitExceeded(
    'agentVersions',
    `${maximum} versions of agents are stored, which is the limit; deleted agents count as well. The operator can raise limits.agentVersions.`,
  );
}

/** Why schemas of a setup cannot be used; null if they can. */
export async function schemaProblem(
  context: Pick<CommandContext, 'schemaChecker' | 'toolbox' | 'clientTools'>,
  owner: string,
  given: {
    outputSchema?: Json | undefined;
    clientTools?: AgentSetup['clientTools'] | undefined;
  },
): Promise<Refusal | null> {
  return (
    (await invalidSchema(context, owner, given.outputSchema)) ??
    clientToolsProblem(context, owner, given.clientTools ?? [])
  );
}

/** Whether the configuration defines an agent, so that clients cannot change it. */
export function isConfigured(
  { settings }: Pick<CommandContext, 'settings'>,
  { owner, name }: Pick<AgentRow, 'owner' | 'name'>,
): boolean {
  return settings.configuredAgents.some((each) => each.owner === owner && each.name === name);
}

function refuseConfigured(context: CommandContext, agent: AgentRow): Refusal | null {
  if (!isConfigured(context, agent)) return null;
  return conflict(
    `Agent "${agent.name}" is defined in the configuration file of the gateway. Change it there, or create an agent with another name.`,
  );
}

/** The refusal of another default agent, if the configuration names the default of the owner. */
function defaultIsConfigured({ settings }: CommandContext, owner: string): Refusal | null {
  const agent = settings.configuredAgents.find((each) => each.owner === owner && each.isDefault);
  if (!agent) return null;
  return conflict(
    `The configuration file of the gateway makes "${agent.name}" the default agent. Change it there, or name an agent in the session or message.`,
  );
}

function unknownModel({ settings }: CommandContext, model: string | null | undefined): Refusal | null {
  if (model == null || settings.models.includes(model)) return null;
  return invalidInput(['model'], `"${model}" is not configured; known models: ${settings.models.join(', ')}`);
}

async function refuseTakenName<T>(name: string, work: () => Promise<T>): Promise<T | Refusal> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof StoreError && error.failure === 'constraint')) throw error;
    return conflict(`An agent with the name "${name}" exists already.`);
  }
}
