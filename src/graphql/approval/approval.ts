import type { ApprovalScope as Scope, ApprovalStatus as Status } from '../../domain/events.ts';
import type { ApprovalRow } from '../../projections/approvals.ts';
import { builder } from '../builder.ts';
import { defineConnection, defineEdge } from '../connection/connections.ts';
import { RiskLevel } from '../gateway/tool.ts';
import { Node } from '../node.ts';
import { present } from '../public-errors.ts';
import { RunType } from '../run/run.ts';

const statuses = {
  PENDING: { description: 'Waits for somebody to decide.' },
  ALLOWED: { description: 'Somebody let the tool run.' },
  DENIED: { description: 'Somebody did not let the tool run.' },
  EXPIRED: { description: 'Nobody decided in time.' },
  WITHDRAWN: { description: 'Its run ended before anybody decided.' },
} as const satisfies Record<Status, { description: string }>;

export const ApprovalStatus = builder.enumType('ApprovalStatus', {
  description: 'What became of an approval.',
  values: statuses,
});

const scopes = {
  ONCE: { description: 'This call only.' },
  SESSION: { description: 'This tool for the rest of the session.' },
  TIMEBOXED: { description: 'This tool in this session until a time.' },
} as const satisfies Record<Scope, { description: string }>;

export const ApprovalScope = builder.enumType('ApprovalScope', {
  description: 'How far a decision to allow reaches.',
  values: scopes,
});

export const ApprovalType = builder.objectRef<ApprovalRow>('Approval');

ApprovalType.implement({
  description: 'A question to a person: may this tool run with this input?',
  interfaces: [Node],
  fields: (t) => ({
    run: t.field({
      type: RunType,
      description: "The run that asks. Absent where it is somebody else's: ask for `runId` and `startedBy` then.",
      resolve: ({ runId: id }, _args, { loaders }) => present(loaders.run.load(id), 'run', id),
    }),
    runId: t.exposeID('runId', { description: 'Id of the run that asks.' }),
    startedBy: t.string({
      description: 'The principal who started that run.',
      resolve: ({ sessionId: id }, _args, { loaders }) => present(loaders.owner.load(id), 'session', id),
    }),
    callId: t.exposeID('callId', { description: 'The tool call that it is about.' }),
    tool: t.exposeString('tool', { description: 'Name of the tool.' }),
    input: t.field({
      type: 'JSON',
      description: 'What the model asked for.',
      resolve: ({ input }) => JSON.parse(input),
    }),
    editedInput: t.field({
      type: 'JSON',
      nullable: true,
      description: 'What the person who allowed it put in its place.',
      resolve: ({ editedInput }) => (editedInput === null ? null : JSON.parse(editedInput)),
    }),
    risk: t.expose('risk', { type: RiskLevel, description: 'How much harm the tool can do.' }),
    summary: t.exposeString('summary', { description: 'The call in one line.' }),
    status: t.expose('status', { type: ApprovalStatus, description: 'What became of it.' }),
    scope: t.expose('scope', {
      type: ApprovalScope,
      nullable: true,
      description: 'How far the decision reaches; null unless ALLOWED.',
    }),
    requestedAt: t.expose('requestedAt', { type: 'DateTime', description: 'When it was asked.' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'Until when somebody can decide.' }),
    decidedAt: t.expose('decidedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was settled; null while it waits.',
    }),
    decidedBy: t.exposeString('decidedBy', {
      nullable: true,
      description: 'The principal who decided; null where nobody did.',
    }),
    reason: t.exposeString('reason', { nullable: true, description: 'What the person who decided said.' }),
  }),
});

const ApprovalEdge = defineEdge('Approval', 'approvals', ApprovalType);

export const ApprovalConnection = defineConnection('Approval', 'approvals', ApprovalType, ApprovalEdge);
