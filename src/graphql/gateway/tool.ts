import { definitionOf } from '../../application/tool-calls/tool-definition.ts';
import type { PolicyEffect as Effect, RiskLevel as Risk } from '../../domain/events.ts';
import type { Tool as ToolOfToolbox } from '../../tools/tool.ts';
import { builder } from '../builder.ts';

export const RiskLevel = builder.enumType('RiskLevel', {
  description: 'How much harm a call of a tool can do.',
  values: {
    LOW: { description: 'Reads, or changes nothing important.' },
    MEDIUM: { description: 'Makes changes that are easy to undo.' },
    HIGH: { description: 'Reaches other systems, or makes changes that are hard to undo.' },
    CRITICAL: { description: 'Can cause damage that cannot be undone.' },
  } as const satisfies Record<Risk, { description: string }>,
});

export const PolicyEffect = builder.enumType('PolicyEffect', {
  description: 'Decision of the policy about a tool call.',
  values: {
    ALLOW: { description: 'The tool runs without an approval.' },
    ASK: { description: 'A person must approve the call.' },
    DENY: { description: 'The tool does not run.' },
  } as const satisfies Record<Effect, { description: string }>,
});

export const Tool = builder.objectRef<ToolOfToolbox>('Tool').implement({
  description: 'An operation that a model can request.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Name by which models call it.' }),
    description: t.exposeString('description', { description: 'What it does, as described to models.' }),
    inputSchema: t.expose('inputSchema', { type: 'JSON', description: 'JSON Schema of its input.' }),
    risk: t.expose('risk', { type: RiskLevel, description: 'How much harm a call can do.' }),
    idempotent: t.exposeBoolean('idempotent', {
      description: 'Whether running a call twice has the same effect as running it once.',
    }),
    source: t.exposeString('source', {
      description: '`builtin`, or the name of the MCP server that provides it.',
    }),
    definitionHash: t.string({
      description:
        'SHA-256 of the definition, in lower-case hex: the canonical JSON of `source`, `name`, `description`, `inputSchema`, `risk` and `idempotent`.',
      resolve: (tool) => definitionOf(tool).hash,
    }),
    quarantined: t.boolean({
      description:
        'Whether the definition has changed and nobody has accepted it yet: calls always need an approval, which shows the difference.',
      resolve: async (tool, _args, { loaders }) => (await loaders.quarantine.load(tool)) !== null,
    }),
    previousDefinition: t.field({
      type: 'JSON',
      nullable: true,
      description: 'If it is quarantined: the definition that was accepted last. Otherwise null.',
      resolve: async (tool, _args, { loaders }) => (await loaders.quarantine.load(tool))?.previous ?? null,
    }),
  }),
});

builder.queryField('tools', (t) =>
  t.field({
    type: [Tool],
    description: 'All tools that can be called now.',
    resolve: (_root, _args, { commands }) => commands.toolbox.list(),
  }),
);
