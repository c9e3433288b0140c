import { explainPolicy, type PolicyExplanation } from '../../application/tool-calls/explain-policy.ts';
import { noMetadata } from '../../domain/metadata.ts';
import { isRefusal } from '../../domain/refusal.ts';
import { builder } from '../builder.ts';
import { PolicyEffect, RiskLevel } from '../gateway/tool.ts';
import { metadataArgument } from '../metadata.ts';
import { GrantType } from '../object-types.ts';
import { notFoundError } from '../public-errors.ts';

const PolicyExplanationType = builder.objectRef<PolicyExplanation>('PolicyExplanation').implement({
  description: 'What the policy would decide about a tool call, and why.',
  fields: (t) => ({
    effect: t.expose('effect', {
      type: PolicyEffect,
      description: 'The decision. Also ALLOW if a grant makes an approval unnecessary.',
    }),
    rules: t.exposeStringList('rules', {
      description: 'Ids of the policy rules that decide, in the order of the file; empty if no rule applies.',
    }),
    reason: t.exposeString('reason', {
      description: 'Why, in words for a person. With DENY, the model is told the same.',
    }),
    grant: t.field({
      type: GrantType,
      nullable: true,
      description: 'The remembered approval that makes a new one unnecessary; null if there is none.',
      resolve: ({ grant }, _args, { loaders }) => (grant === null ? null : loaders.grant.load(grant.id)),
    }),
    inputValid: t.boolean({
      description: 'Whether the tool accepts the input. The policy is not evaluated for an input that it rejects.',
      resolve: ({ inputProblem }) => inputProblem === null,
    }),
    inputProblem: t.exposeString('inputProblem', {
      nullable: true,
      description: 'What is wrong with the input, as the model would be told; null if it is valid.',
    }),
    risk: t.expose('risk', { type: RiskLevel, description: 'How much harm a call of the tool can do.' }),
    summary: t.exposeString('summary', { description: 'The call in one line, as an approver would see it.' }),
  }),
});

builder.queryField('explainPolicy', (t) =>
  t.field({
    type: PolicyExplanationType,
    description:
      "What the policy would decide if the session's agent made this call in response to a message of the viewer. Nothing is executed and no approval is requested.",
    args: {
      tool: t.arg.string({
        required: true,
        description: "Name of a tool of the gateway, or of a client tool of the session's agent.",
      }),
      input: t.arg({ type: 'JSON', required: true, description: 'Input of the call, as a model would write it.' }),
      sessionId: t.arg.id({ required: true, description: 'Id of the session in which the call would be made.' }),
      metadata: t.arg({ type: 'JSON', description: 'Metadata of the message, an object of strings; none if omitted.' }),
    },
    resolve: async (_root, { tool, input, sessionId, metadata: given }, { commands, viewer }) => {
      const metadata = metadataArgument(given) ?? noMetadata;
      const outcome = await explainPolicy(commands, viewer, { tool, input: input ?? null, sessionId, metadata });
      if (!isRefusal(outcome)) return outcome;
      throw notFoundError(outcome.id === tool ? 'tool' : 'session', outcome.id);
    },
  }),
);
