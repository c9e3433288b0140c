import { type ExecutionArgs, type ExecutionResult, type GraphQLError, getOperationAST } from 'graphql';
import type { Clock } from '../../clock.ts';
import * as limits from '../../config/limits.ts';
import type { GraphqlContext } from '../../graphql/context.ts';
import { executeWithLists } from '../../graphql/execution/complete-list.ts';
import { costOf } from '../../graphql/execution/operation-cost.ts';
import { type StreamedResult, subscribeOperation } from '../../graphql/execution/subscribe.ts';
import { limitPassed, rateLimited, timedOut } from '../../graphql/public-errors.ts';
import type { Following } from '../../streams/following.ts';
import type { RateLimit } from '../access/rate-limit.ts';
import type { SubscriptionLimit } from '../access/subscription-limit.ts';
import type { MaskError } from './masked-errors.ts';

/** Executes what every transport is asked, within what the operation and its principal may use. */
export interface Operations {
  /**
   * At once where there is nothing to wait for.
   * @param run how a transport would execute by itself
   */
  execute(args: ExecutionArgs, run?: Execute): ExecutionResult | Promise<ExecutionResult>;
  subscribe(args: ExecutionArgs): Promise<ExecutionResult | Following<StreamedResult>>;
}

type Execute = (args: ExecutionArgs) => ExecutionResult | Promise<ExecutionResult>;

interface Options {
  maskError: MaskError;
  clock: Clock;
  /** Null where nobody counts. */
  rateLimit: RateLimit | null;
  subscriptions: SubscriptionLimit;
}

export function createOperations({ maskError, clock, rateLimit, subscriptions }: Options): Operations {
  const refused = (error: GraphQLError): ExecutionResult => ({ errors: [error] });

  /** Why the operation is not begun, or null. */
  function refusal(args: ExecutionArgs, points: number): GraphQLError | null | Promise<GraphQLError | null> {
    const cost = costOf(args.schema, args.document, args.operationName, args.variableValues);
    if (cost > limits.OPERATION_OBJECTS) return tooExpensive(cost);
    const answer = (seconds: number | null) => (seconds === null ? null : rateLimited(seconds));
    const seconds = rateLimit?.take(principalOf(args), points) ?? null;
    return seconds instanceof Promise ? seconds.then(answer) : answer(seconds);
  }

  const masked = (result: ExecutionResult): ExecutionResult =>
    result.errors ? { ...result, errors: result.errors.map(maskError) } : result;

  function begin(problem: GraphQLError | null, args: ExecutionArgs, run: Execute) {
    if (problem) return refused(problem);
    const result = run(args);
    return result instanceof Promise ? inTime(clock, result.then(masked)) : masked(result);
  }

  return {
    execute(args, run = executeWithLists) {
      const isMutation = getOperationAST(args.document, args.operationName)?.operation === 'mutation';
      const problem = refusal(args, isMutation ? limits.MUTATION_POINTS : 1);
      return problem instanceof Promise ? problem.then((found) => begin(found, args, run)) : begin(problem, args, run);
    },
    async subscribe(args) {
      const problem = await refusal(args, limits.SUBSCRIPTION_POINTS);
      if (problem) return refused(problem);
      const leave = subscriptions.enter(principalOf(args));
      if (!leave) return refused(tooManySubscriptions());
      const results = await subscribeOperation(args, maskError);
      if (Symbol.asyncIterator in results) return leaving(results, leave);
      leave();
      return results;
    },
  };
}

// Whoever executes operations of this schema makes this context.
const principalOf = ({ contextValue }: ExecutionArgs) => (contextValue as GraphqlContext).viewer.principal;

const tooExpensive = (cost: number) =>
  limitPassed(
    'operationCost',
    `The operation can read ${cost} objects; at most ${limits.OPERATION_OBJECTS} are allowed. Ask for smaller pages, or less inside of them.`,
  );

const tooManySubscriptions = () =>
  limitPassed('subscriptionsPerPrincipal', 'You have as many subscriptions as you may have at a time; end some.');

async function inTime(clock: Clock, work: Promise<ExecutionResult>): Promise<ExecutionResult> {
  let cancel = () => {};
  const late = new Promise<ExecutionResult>((resolve) => {
    const say = () => resolve({ errors: [timedOut(limits.OPERATION_SECONDS)] });
    cancel = clock.after(limits.OPERATION_SECONDS * 1000, say);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel();
  }
}

/** The same results; `leave` is called when they end, however they end. */
function leaving(results: Following<StreamedResult>, leave: () => void): Following<StreamedResult> {
  const look = <Result extends IteratorResult<unknown>>(result: Result): Result => {
    if (result.done) leave();
    return result;
  };
  const fail = (error: unknown) => {
    leave();
    throw error;
  };
  return {
    ...results,
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => results.next().then(look, fail),
    async return() {
      leave();
      await results.return?.();
      return { done: true, value: undefined };
    },
  };
}
