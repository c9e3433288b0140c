import type { PolicyEffect as Effect, RiskLevel as Risk } from '../../domain/events.ts';
import type { Tool as ToolOfToolbox } from '../../tools/tool.ts';
import { builder } from '../builder.ts';

const risks = {
  LOW: { description: 'Reads, or changes nothing that matters.' },
  MEDIUM: { description: 'Changes something that is easily put right.' },
  HIGH: { description: 'Reaches out of the gateway or changes something that is hard to put right.' },
  CRITICAL: { description: 'Can do harm that can not be put right.' },
} as const satisfies Record<Risk, { description: string }>;

export const RiskLevel = builder.enumType('RiskLevel', { description: 'How much harm a tool can do.', values: risks });

const effects = {
  ALLOW: { description: 'It runs without asking.' },
  ASK: { description: 'A person is asked.' },
  DENY: { description: 'It does not run.' },
} as const satisfies Record<Effect, { description: string }>;

export const PolicyEffect = builder.enumType('PolicyEffect', {
  description: 'What policy says about a tool call.',
  values: effects,
});

export const Tool = builder.objectRef<ToolOfToolbox>('Tool').implement({
  description: 'Something that a model can ask the gateway to do.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What models call it by.' }),
    description: t.exposeString('description', { description: 'What models are told that it does.' }),
    inputSchema: t.expose('inputSchema', { type: 'JSON', description: 'JSON Schema of its input.' }),
    risk: t.expose('risk', { type: RiskLevel, description: 'How much harm it can do.' }),
    idempotent: t.exposeBoolean('idempotent', {
      description: 'Whether running it twice does no more than running it once.',
    }),
    source: t.exposeString('source', {
      description: '`builtin`, or the name of the MCP server that it comes from.',
    }),
  }),
});

builder.queryField('tools', (t) =>
  t.field({
    type: [Tool],
    description: 'Every tool that there is now.',
    resolve: (_root, _args, { commands }) => commands.toolbox.list(),
  }),
);
