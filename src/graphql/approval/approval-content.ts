import type { ApprovalRow } from '../../projections/approvals.ts';
import { builder } from '../builder.ts';
import type { GraphqlContext } from '../context.ts';
import { RiskLevel } from '../gateway/tool.ts';
import { ApprovalType } from '../object-types.ts';

/** What an approver decides about is read from the tape: a row could differ from it. */
const contentOf = (row: ApprovalRow, { loaders }: GraphqlContext) => loaders.approvalContent.load(row);

builder.objectFields(ApprovalType, (t) => ({
  callId: t.id({
    description: 'Id of the tool call.',
    resolve: async (row, _args, context) => (await contentOf(row, context)).callId,
  }),
  tool: t.string({
    description: 'Name of the tool.',
    resolve: async (row, _args, context) => (await contentOf(row, context)).tool,
  }),
  input: t.field({
    type: 'JSON',
    description:
      'Input of the call, as the model wrote it or an earlier approver of the call changed it; credentials are replaced by placeholders.',
    resolve: async (row, _args, context) => (await contentOf(row, context)).input,
  }),
  target: t.string({
    nullable: true,
    description:
      'What the call reaches, in a canonical form and in full, up to 4,096 characters: for `http_fetch` method, scheme, punycode host and path; for file tools the path. Null if the tool does not say.',
    resolve: async (row, _args, context) => (await contentOf(row, context)).target,
  }),
  risk: t.field({
    type: RiskLevel,
    description: 'How much harm a call of the tool can do.',
    resolve: async (row, _args, context) => (await contentOf(row, context)).risk,
  }),
  summary: t.string({
    description:
      'The call in one line: the tool, its target, its input, and what the tool says about itself. Invisible, bidirectional and mixed-script characters are escaped, and long values show their beginning and their end.',
    resolve: async (row, _args, context) => (await contentOf(row, context)).summary,
  }),
  rule: t.string({
    nullable: true,
    description:
      'Ids of the policy rules that asked, separated by commas. Null if no rule did: by default a call that no rule permits unattended needs an approval.',
    resolve: async (row, _args, context) => (await contentOf(row, context)).rule,
  }),
  definition: t.field({
    type: 'JSON',
    description:
      'The tool as it was when the approval was requested: `source`, `name`, `description`, `inputSchema`, `risk` and `idempotent`. Only the name if the tool was not available, or if a release before 0.2 requested the approval.',
    resolve: async (row, _args, context) => {
      const { definition, tool } = await contentOf(row, context);
      return definition ?? { name: tool };
    },
  }),
  previousDefinition: t.field({
    type: 'JSON',
    nullable: true,
    description:
      'The definition that was accepted last, or that the previous approver of the call was shown; null if it is the same or there is none.',
    resolve: async (row, _args, context) => (await contentOf(row, context)).previousDefinition,
  }),
}));
