import type { WaitOutcome as Outcome } from '../../domain/events.ts';
import { type WaitKind as Kind, outcomeOf, type WaitState as State, waitStateOf } from '../../domain/wait.ts';
import type { WaitRow } from '../../projections/waits.ts';
import { builder } from '../builder.ts';
import { Node } from '../node.ts';
import { RunType } from '../object-types.ts';
import { notFoundError } from '../public-errors.ts';

export const WaitKind = builder.enumType('WaitKind', {
  description: 'What a run waits for.',
  values: {
    APPROVAL: { description: 'A person allows or denies a tool call.' },
    BUDGET: { description: 'A person raises a budget that the run has used up, or lets it fail.' },
    QUESTION: { description: 'A person answers a question.' },
    CLIENT_TOOL: { description: 'A client runs a tool and submits its result.' },
  } as const satisfies Record<Kind, { description: string }>,
});

export const WaitState = builder.enumType('WaitState', {
  description: 'State of a wait. All values but OPEN are final.',
  values: {
    OPEN: { description: 'Nobody has settled it yet.' },
    SETTLED: { description: 'A person or a client settled it; `outcome` says how.' },
    EXPIRED: { description: 'Nobody settled it in time.' },
    WITHDRAWN: { description: "Nobody decided: the run ended, or the tool's definition changed." },
  } as const satisfies Record<State, { description: string }>,
});

export const WaitOutcome = builder.enumType('WaitOutcome', {
  description: 'What became of a wait.',
  values: {
    ALLOWED: { description: 'A person allowed the call, or raised the budget.' },
    DENIED: { description: 'A person denied it.' },
    ANSWERED: { description: 'A person answered the question.' },
    DECLINED: { description: 'A person does not want to answer the question.' },
    CANCELLED: { description: 'A person wants the tool that asks to stop.' },
    COMPLETED: { description: 'The client submitted an output.' },
    FAILED: { description: 'The client submitted an error.' },
    EXPIRED: { description: 'Nobody settled it in time.' },
    WITHDRAWN: { description: "Nobody decided: the run ended, or the tool's definition changed." },
  } as const satisfies Record<Outcome, { description: string }>,
});

const typeNames: Readonly<Record<Kind, string>> = {
  APPROVAL: 'Approval',
  BUDGET: 'BudgetRequest',
  QUESTION: 'Question',
  CLIENT_TOOL: 'ClientToolCall',
};

/** The types that implement it inherit these fields, and add `summary`. */
export const Wait = builder.interfaceRef<WaitRow>('Wait').implement({
  description:
    'Something that a run waits for. It is settled once: the first decision wins. It survives restarts of the server, and expires.',
  interfaces: [Node],
  resolveType: ({ kind }) => typeNames[kind],
  fields: (t) => ({
    kind: t.expose('kind', { type: WaitKind, description: 'What the run waits for.' }),
    state: t.field({
      type: WaitState,
      description: 'Its current state.',
      resolve: ({ status }) => waitStateOf(status),
    }),
    outcome: t.field({
      type: WaitOutcome,
      nullable: true,
      description: 'What became of it; null while OPEN.',
      resolve: ({ status }) => outcomeOf(status),
    }),
    run: t.field({
      type: RunType,
      nullable: true,
      description:
        'The run that waits; null for somebody who may settle the wait but not see the run. `runId` and `startedBy` are never null.',
      resolve: ({ runId }, _args, { loaders }) => loaders.run.load(runId),
    }),
    runId: t.exposeID('runId', { description: 'Id of the run that waits.' }),
    startedBy: t.string({
      description: 'The principal who started that run.',
      resolve: async ({ sessionId }, _args, { loaders }) => {
        const owner = await loaders.owner.load(sessionId);
        if (owner === null) throw notFoundError('session', sessionId);
        return owner;
      },
    }),
    summary: t.string({ description: 'What it is about in one line, for a list.' }),
    requestedAt: t.expose('requestedAt', { type: 'DateTime', description: 'When it was requested.' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'When it expires if nobody settles it.' }),
    decidedAt: t.expose('decidedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was settled; null while OPEN.',
    }),
    decidedBy: t.exposeString('decidedBy', {
      nullable: true,
      description: 'The principal who settled it; null while OPEN, and after it expired or was withdrawn.',
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description: 'Reason given with the decision; null if none was given.',
    }),
  }),
});
