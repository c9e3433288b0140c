import { explainPolicy, type PolicyExplanation } from '../../application/tool-calls/explain-policy.ts';
import { isRefusal } from '../../domain/refusal.ts';
import { GrantType } from '../approval/grant.ts';
import { builder } from '../builder.ts';
import { PolicyEffect, RiskLevel } from '../gateway/tool.ts';
import { absent } from '../public-errors.ts';

const PolicyExplanationType = builder.objectRef<PolicyExplanation>('PolicyExplanation').implement({
  description: 'What would become of a tool call, and why.',
  fields: (t) => ({
    effect: t.expose('effect', {
      type: PolicyEffect,
      description: 'What would happen. ALLOW also where a grant stands for the person who would be asked.',
    }),
    rules: t.exposeStringList('rules', {
      description: 'Ids of the policy rules that decide, in the order of the file; empty where no rule says anything.',
    }),
    reason: t.exposeString('reason', { description: 'Why, in words for a person; the model is told so on DENY.' }),
    grant: t.field({
      type: GrantType,
      nullable: true,
      description: 'The remembered approval because of which nobody would be asked.',
      resolve: ({ grant }, _args, { loaders }) => (grant === null ? null : loaders.grant.load(grant.id)),
    }),
    inputValid: t.boolean({
      description: 'Whether the tool takes this input. Policy is not asked about one that it does not take.',
      resolve: ({ inputProblem }) => inputProblem === null,
    }),
    inputProblem: t.exposeString('inputProblem', {
      nullable: true,
      description: 'What is wrong with the input, in the words that the model would get.',
    }),
    risk: t.expose('risk', { type: RiskLevel, description: 'How much harm the tool can do.' }),
    summary: t.exposeString('summary', { description: 'The call as a person would be shown it.' }),
  }),
});

builder.queryField('explainPolicy', (t) =>
  t.field({
    type: PolicyExplanationType,
    description:
      "What would become of a tool call if the session's agent made it in answer to a message of the viewer. Nothing is done and nobody is asked.",
    args: {
      tool: t.arg.string({ required: true, description: 'Name of the tool.' }),
      input: t.arg({ type: 'JSON', required: true, description: 'The input, as a model would write it.' }),
      sessionId: t.arg.id({ required: true, description: 'The session in which the call would be made.' }),
    },
    resolve: async (_root, { tool, input, sessionId }, { commands, viewer }) => {
      const outcome = await explainPolicy(commands, viewer, { tool, input: input ?? null, sessionId });
      if (!isRefusal(outcome)) return outcome;
      throw absent(outcome.id === tool ? 'tool' : 'session', outcome.id);
    },
  }),
);
