import type { ObjectRef } from '@pothos/core';
import { isRefusal, type Refusal, type RefusalOf } from '../domain/refusal.ts';
import { ApprovalType } from './approval/approval.ts';
import { type BuilderTypes, builder } from './builder.ts';
import type { GraphqlContext } from './context.ts';
import { clearLoaders } from './loaders.ts';
import { present } from './public-errors.ts';
import { RunType } from './run/run.ts';

const ErrorInterface = builder.interfaceRef<Refusal>('Error').implement({
  description: 'Why a mutation changed nothing, where the caller can act on it.',
  resolveType: ({ kind }) => typeNames[kind],
  fields: (t) => ({ message: t.exposeString('message', { description: 'What is wrong, in words for a person.' }) }),
});

const InputIssue = builder.simpleObject('InputIssue', {
  description: 'One thing that is wrong with an input.',
  fields: (t) => ({
    path: t.stringList({
      description: 'Path into the input, for example `["expiresInSeconds"]`; empty for the whole input.',
    }),
    message: t.string({ description: 'What is wrong there.' }),
  }),
});

const NotFoundError = builder.objectRef<RefusalOf<'not-found'>>('NotFoundError').implement({
  description: 'There is no such thing, or it belongs to somebody else.',
  interfaces: [ErrorInterface],
  fields: (t) => ({ id: t.exposeString('id', { description: 'The id or key that was not found.' }) }),
});

const ConflictError = builder.objectRef<RefusalOf<'conflict'>>('ConflictError').implement({
  description:
    'The request contradicts what is stored: a key that is taken, an idempotency key reused for other input, an id and a key of two sessions.',
  interfaces: [ErrorInterface],
});

const InvalidInputError = builder.objectRef<RefusalOf<'invalid-input'>>('InvalidInputError').implement({
  description: 'The input is well-formed but can not be accepted.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    issues: t.expose('issues', { type: [InputIssue], description: 'Everything that is wrong with it.' }),
  }),
});

const SessionBusyError = builder.objectRef<RefusalOf<'session-busy'>>('SessionBusyError').implement({
  description: 'The session has a run that is under way or waits its turn.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    activeRun: t.field({
      type: RunType,
      description: 'That run.',
      resolve: ({ activeRunId: id }, _args, { loaders }) => present(loaders.run.load(id), 'run', id),
    }),
  }),
});

const InvalidTransitionError = builder.objectRef<RefusalOf<'invalid-transition'>>('InvalidTransitionError').implement({
  description: 'The run is in a state in which this can not be done.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    run: t.field({
      type: RunType,
      description: 'The run as it is now.',
      resolve: ({ runId: id }, _args, { loaders }) => present(loaders.run.load(id), 'run', id),
    }),
  }),
});

const ApprovalSettledError = builder.objectRef<RefusalOf<'approval-settled'>>('ApprovalSettledError').implement({
  description: 'Somebody decided otherwise before, or it expired, or its run ended.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    approval: t.field({
      type: ApprovalType,
      description: 'The approval as it was settled.',
      resolve: ({ approvalId: id }, _args, { loaders }) => present(loaders.approval.load(id), 'approval', id),
    }),
  }),
});

const LimitExceededError = builder.objectRef<RefusalOf<'limit-exceeded'>>('LimitExceededError').implement({
  description: 'A limit in force would be passed: queue length, message size, budget, rate.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    limit: t.exposeString('limit', { description: 'Name of the limit, as `Gateway.limits` has it.' }),
  }),
});

const typeNames: Record<Refusal['kind'], string> = {
  'not-found': 'NotFoundError',
  conflict: 'ConflictError',
  'invalid-input': 'InvalidInputError',
  'session-busy': 'SessionBusyError',
  'invalid-transition': 'InvalidTransitionError',
  'approval-settled': 'ApprovalSettledError',
  'limit-exceeded': 'LimitExceededError',
};

const errorTypes = {
  'not-found': NotFoundError,
  conflict: ConflictError,
  'invalid-input': InvalidInputError,
  'session-busy': SessionBusyError,
  'invalid-transition': InvalidTransitionError,
  'approval-settled': ApprovalSettledError,
  'limit-exceeded': LimitExceededError,
};

/** Which member of the union an outcome is. Throws where a command refused in a way that its field does not promise. */
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

/** The union of a mutation's success and the refusals that its caller can act on. */
export function defineResult<Outcome extends { kind: string }>(
  name: string,
  success: ObjectRef<BuilderTypes, Outcome>,
  kinds: readonly Refusal['kind'][],
) {
  return builder.unionType(name, {
    description: 'What became of it: the success, or why nothing was changed.',
    types: [success, ...kinds.map((kind) => errorTypes[kind])],
    resolveType: (outcome) => memberOf(name, success.name, kinds, outcome),
  });
}

/** Performs a command. Whatever is read behind it is read anew. */
export async function perform<Outcome>(context: GraphqlContext, command: Promise<Outcome>): Promise<Outcome> {
  const outcome = await command;
  clearLoaders(context.loaders);
  return outcome;
}
