import type { ObjectRef } from '@pothos/core';
import { isRefusal, type Refusal, type RefusalOf } from '../domain/refusal.ts';
import { type BuilderTypes, builder } from './builder.ts';
import type { GraphqlContext } from './context.ts';
import { loadRequired, loadWait } from './loaders.ts';
import { ApprovalType, RunType } from './object-types.ts';
import { Wait } from './wait/wait-interface.ts';

const ErrorInterface = builder.interfaceRef<Refusal>('Error').implement({
  description: 'Why a mutation changed nothing. The caller can act on it.',
  resolveType: ({ kind }) => typeNames[kind],
  fields: (t) => ({ message: t.exposeString('message', { description: 'What is wrong, in words for a person.' }) }),
});

const InputIssue = builder.simpleObject('InputIssue', {
  description: 'One problem of an input.',
  fields: (t) => ({
    path: t.stringList({
      description: 'Path into the input, for example `["expiresInSeconds"]`; empty if it concerns the whole input.',
    }),
    message: t.string({ description: 'What is wrong at this path.' }),
  }),
});

const NotFoundError = builder.objectRef<RefusalOf<'not-found'>>('NotFoundError').implement({
  description: 'The object does not exist, or belongs to another principal.',
  interfaces: [ErrorInterface],
  fields: (t) => ({ id: t.exposeString('id', { description: 'The id or key that was not found.' }) }),
});

const ConflictError = builder.objectRef<RefusalOf<'conflict'>>('ConflictError').implement({
  description:
    'The request contradicts what is stored, for example: the key is taken, the idempotency key was used with another input, id and key name two sessions.',
  interfaces: [ErrorInterface],
});

const InvalidInputError = builder.objectRef<RefusalOf<'invalid-input'>>('InvalidInputError').implement({
  description: 'The input has the right types, but its values are not accepted.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    issues: t.expose('issues', { type: [InputIssue], description: 'All problems that were found.' }),
  }),
});

const SessionBusyError = builder.objectRef<RefusalOf<'session-busy'>>('SessionBusyError').implement({
  description: 'The session has a run that has not ended.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    activeRun: t.field({
      type: RunType,
      description: 'The run that has not ended.',
      resolve: ({ activeRunId }, _args, { loaders }) => loadRequired(loaders, 'run', activeRunId),
    }),
  }),
});

const InvalidTransitionError = builder.objectRef<RefusalOf<'invalid-transition'>>('InvalidTransitionError').implement({
  description: 'The state of the run does not allow this.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    run: t.field({
      type: RunType,
      description: 'The run in its current state.',
      resolve: ({ runId }, _args, { loaders }) => loadRequired(loaders, 'run', runId),
    }),
  }),
});

const ApprovalSettledError = builder.objectRef<RefusalOf<'approval-settled'>>('ApprovalSettledError').implement({
  description: 'The approval is already settled: it was decided differently, it expired, or its run ended.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    approval: t.field({
      type: ApprovalType,
      description: 'The settled approval.',
      resolve: ({ approvalId }, _args, { loaders }) => loadRequired(loaders, 'approval', approvalId),
    }),
  }),
});

const WaitSettledError = builder.objectRef<RefusalOf<'wait-settled'>>('WaitSettledError').implement({
  description: 'The wait is already settled: somebody settled it differently, it expired, or its run ended.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    wait: t.field({
      type: Wait,
      description: 'The settled wait.',
      resolve: ({ waitId }, _args, { loaders }) => loadWait(loaders, waitId),
    }),
  }),
});

const LimitExceededError = builder.objectRef<RefusalOf<'limit-exceeded'>>('LimitExceededError').implement({
  description: 'The request would exceed a limit, for example of queue length, message size, budget or rate.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    limit: t.exposeString('limit', { description: 'Name of the limit, as in `Gateway.limits`.' }),
    used: t.float({
      nullable: true,
      description:
        "What the viewer has stored, if the limit is one of the viewer's quota; in bytes, sessions or memories. Null for other limits.",
      resolve: ({ used = null }) => used,
    }),
    allowed: t.float({
      nullable: true,
      description: 'What the viewer may store at most, in the same unit. Null for other limits.',
      resolve: ({ allowed = null }) => allowed,
    }),
  }),
});

const errorTypes = {
  'not-found': NotFoundError,
  conflict: ConflictError,
  'invalid-input': InvalidInputError,
  'session-busy': SessionBusyError,
  'invalid-transition': InvalidTransitionError,
  'approval-settled': ApprovalSettledError,
  'wait-settled': WaitSettledError,
  'limit-exceeded': LimitExceededError,
};

const typeNames: Readonly<Record<Refusal['kind'], string>> = {
  'not-found': 'NotFoundError',
  conflict: 'ConflictError',
  'invalid-input': 'InvalidInputError',
  'session-busy': 'SessionBusyError',
  'invalid-transition': 'InvalidTransitionError',
  'approval-settled': 'ApprovalSettledError',
  'wait-settled': 'WaitSettledError',
  'limit-exceeded': 'LimitExceededError',
};

/** Returns the name of the union member for an outcome. Throws if the union does not contain the refusal. */
export function memberOf(
  union: string,
  success: string,
  kinds: readonly Refusal['kind'][],
  outcome: Refusal | { kind: string },
): string {
  if (!isRefusal(outcome)) return success;
  if (!kinds.includes(outcome.kind)) throw new Error(`${union} has no member for the refusal "${outcome.kind}"`);
  return typeNames[outcome.kind];
}

/** Defines the result of a mutation: a union of its success type and the refusals that its caller can act on. */
export function defineResult<Outcome extends { kind: string }>(
  name: string,
  success: ObjectRef<BuilderTypes, Outcome>,
  kinds: readonly Refusal['kind'][],
) {
  return builder.unionType(name, {
    description: 'The success, or why nothing was changed.',
    types: [success, ...kinds.map((kind) => errorTypes[kind])],
    resolveType: (outcome) => memberOf(name, success.name, kinds, outcome),
  });
}

/** Description of the field `idempotencyKey` of an input. */
export const idempotencyKeyDescription =
  'Makes it safe to repeat the mutation: the same key with the same input returns the first result, with another input ConflictError. A key belongs to the caller and this mutation, and is kept for at least 24 hours.';

/** Awaits a command and clears the loaders, so that the fields of the result show the rows after the change. */
export async function perform<Outcome extends { kind: string }>(
  context: GraphqlContext,
  command: Promise<Outcome>,
): Promise<Outcome> {
  const outcome = await command;
  if (isRefusal(outcome)) context.commands.observer?.refused(outcome.kind.replaceAll('-', '_').toUpperCase());
  context.loaders.clear();
  return outcome;
}
