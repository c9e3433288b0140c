import { builder } from '../builder.ts';

export const ClientToolInput = builder.inputType('ClientToolInput', {
  description:
    'A tool of a client that may be called in the run. Its risk is LOW; where policy asks, an approval comes first.',
  fields: (t) => ({
    name: t.string({
      required: true,
      description: '1 to 64 letters, digits, `_` and `-`; not the name of a tool of the gateway.',
    }),
    description: t.string({ required: true, description: 'What the tool does, for the model.' }),
    inputSchema: t.field({ type: 'JSON', required: true, description: 'JSON Schema of its input, an object.' }),
    timeoutSeconds: t.int({
      description:
        'How long the run waits for a result, at most 30 days; `approvals.expiresAfterSeconds` of the configuration if omitted.',
    }),
  }),
});
