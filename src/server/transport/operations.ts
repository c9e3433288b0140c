import { type ExecutionArgs, type ExecutionResult, type GraphQLError, getOperationAST } from 'graphql';
import { type Clock, nextTurn } from '../../clock.ts';
import * as limits from '../../config/limits.ts';
import type { GraphqlContext } from '../../graphql/context.ts';
import { executeWithLists } from '../../graphql/execution/complete-list.ts';
import { costOf } from '../../graphql/execution/operation-cost.ts';
import { createSubscribe, type Subscribe } from '../../graphql/execution/subscribe.ts';
import {
  limitPassed,
  rateLimited,
  resultTooLong,
  timedOut,
  withUnavailableStatus,
} from '../../graphql/public-errors.ts';
import type { ConcurrencyLimit } from '../access/concurrency-limit.ts';
import type { RateLimit, Wait } from '../access/rate-limit.ts';
import type { MaskError } from './masked-errors.ts';
import { bytesOf, isLong, isLonger, longJson } from './result-json.ts';
import { createTurnQueue } from './turn-queue.ts';

/** Executes the operations of all transports, within the limits of the operation and of its principal. */
export interface Operations {
  /**
   * Charges a request of the given length before anything of it is parsed. Returns the error if its principal has no points left;
   * otherwise null. For a long request it resolves when the request may be parsed, in another turn of the event loop than other long ones.
   */
  receive(principal: string, bytes: number): GraphQLError | null | Promise<GraphQLError | null>;
  /** Charges an upload before anything of it is read. Returns the error if its principal has no points left; otherwise null. */
  receiveUpload(principal: string, bytes: number): GraphQLError | null | Promise<GraphQLError | null>;
  /**
   * Returns the result without a promise if nothing has to be awaited. A long one is a `LongResult`.
   * @param execute executes the operation once it is admitted
   */
  execute(args: ExecutionArgs, execute?: Execute): ExecutionResult | Promise<ExecutionResult>;
  subscribe: Subscribe;
}

/** A result with much data, whose JSON was made in several turns of the event loop. */
export class LongResult implements ExecutionResult {
  readonly data: ExecutionResult['data'];
  readonly errors: ExecutionResult['errors'];
  /** The parts of the JSON of `data`, in UTF-8. */
  readonly #json: readonly Buffer[];

  constructor({ data, errors }: ExecutionResult, json: readonly Buffer[]) {
    this.data = data;
    this.errors = errors;
    this.#json = json;
  }

  withErrors(errors: readonly GraphQLError[]): LongResult {
    return new LongResult({ data: this.data, errors }, this.#json);
  }

  /** The parts of the JSON of the whole result, in UTF-8. They are sent as they are: copying them takes milliseconds. */
  parts(): readonly Buffer[] {
    const { errors } = this;
    const start = errors ? `{"errors":${JSON.stringify(errors)},"data":` : '{"data":';
    return [Buffer.from(start), ...this.#json, Buffer.from('}')];
  }
}

type Execute = (args: ExecutionArgs) => ExecutionResult | Promise<ExecutionResult>;

interface Options {
  maskError: MaskError;
  clock: Clock;
  /** Null if the points of a principal are not limited. */
  rateLimit: RateLimit | null;
  /** Active subscriptions by principal. */
  subscriptionLimit: ConcurrencyLimit;
}

/** A request is processed in several turns, so those of the next one must not fall together with them. */
const TURNS_BETWEEN_REQUESTS = 3;

/** The message of each error repeats the value of its variable. */
const executionOptions = { maxCoercionErrors: limits.VARIABLE_ERRORS };

export function createOperations({ maskError, clock, rateLimit, subscriptionLimit }: Options): Operations {
  const startSubscription = createSubscribe(maskError);
  const nextTurnForLong = createTurnQueue(TURNS_BETWEEN_REQUESTS);
  const failed = (error: GraphQLError): ExecutionResult => ({ errors: [maskError(error)] });

  /** The error if the operation is too expensive or its principal has no points left; otherwise null. */
  function admissionError(args: ExecutionArgs, ownPoints: number): GraphQLError | null | Promise<GraphQLError | null> {
    const cost = costOf(args.schema, args.document, args.operationName, args.variableValues);
    if (cost > limits.OPERATION_OBJECTS) return tooExpensive(cost);
    if (cost >= limits.LONG_OPERATION_OBJECTS) contextOf(args).nextTurn = createTurnQueue(1);
    const points = ownPoints + Math.floor(cost / limits.POINT_OBJECTS);
    return points === 0 ? null : errorAfter(rateLimit?.take(principalOf(args), points) ?? null);
  }

  const masked = (result: ExecutionResult): ExecutionResult =>
    result.errors ? { ...result, errors: result.errors.map(result.data ? maskError : maskWithStatus) } : result;

  /** For errors that leave no data: proxies see by the status that the store cannot be used. */
  function maskWithStatus(error: GraphQLError): GraphQLError {
    const maskedError = maskError(error);
    return maskedError.extensions.code === 'UNAVAILABLE' ? withUnavailableStatus(maskedError) : maskedError;
  }

  function inTurn(error: GraphQLError | null): GraphQLError | null | Promise<null> {
    return error ?? nextTurnForLong().then(() => null);
  }

  function executeAdmitted(error: GraphQLError | null, args: ExecutionArgs, execute: Execute) {
    if (error) return failed(error);
    args.options = executionOptions;
    const finish = (result: ExecutionResult) => {
      const maskedResult = masked(result);
      return isLong(maskedResult.data) ? longResult(maskedResult, principalOf(args)) : maskedResult;
    };
    const result = execute(args);
    if (result instanceof Promise) return withTimeout(clock, result.then(finish));
    return finish(result);
  }

  async function longResult(result: ExecutionResult, principal: string): Promise<ExecutionResult> {
    const json = await longJson(result.data, limits.RESULT_BYTES);
    const bytes = json ? bytesOf(json) : limits.RESULT_BYTES;
    rateLimit?.add(principal, Math.floor(bytes / limits.RESULT_POINT_BYTES));
    return json === null ? failed(resultTooLong()) : new LongResult(result, json);
  }

  return {
    receive(principal, bytes) {
      const error = errorAfter(rateLimit?.receive(principal, pointsOf(bytes)) ?? null);
      if (bytes < limits.LONG_REQUEST_BYTES) return error;
      return error instanceof Promise ? error.then(inTurn) : inTurn(error);
    },
    receiveUpload(principal, bytes) {
      const points = limits.MUTATION_POINTS + Math.floor(bytes / limits.UPLOAD_POINT_BYTES);
      return errorAfter(rateLimit?.receive(principal, points) ?? null);
    },
    execute(args, execute = executeWithLists) {
      const isMutation = getOperationAST(args.document, args.operationName)?.operation === 'mutation';
      const admission = inOwnTurn(
        args,
        admissionError(args, isMutation ? limits.MUTATION_POINTS - limits.REQUEST_POINTS : 0),
      );
      return admission instanceof Promise
        ? admission.then((error) => executeAdmitted(error, args, execute))
        : executeAdmitted(admission, args, execute);
    },
    async subscribe(args) {
      const error = await inOwnTurn(args, admissionError(args, limits.SUBSCRIPTION_POINTS - limits.REQUEST_POINTS));
      if (error) return failed(error);
      args.options = executionOptions;
      const release = subscriptionLimit.acquire(principalOf(args));
      if (!release) return failed(tooManySubscriptions(subscriptionLimit.max));
      const results = await startSubscription(args);
      if ('onClose' in results) results.onClose(release);
      else release();
      return results;
    },
  };
}

/** A long request, and one that can read many objects, is executed in another turn of the event loop than its document is read. */
function inOwnTurn(
  args: ExecutionArgs,
  admission: GraphQLError | null | Promise<GraphQLError | null>,
): GraphQLError | null | Promise<GraphQLError | null> {
  const request = { query: args.document.loc?.source.body, variables: args.variableValues };
  const isShort = contextOf(args).nextTurn === undefined && !isLonger(request, limits.LONG_REQUEST_BYTES);
  return isShort ? admission : nextTurn().then(() => admission);
}

const pointsOf = (bytes: number) => limits.REQUEST_POINTS + Math.floor(bytes / limits.POINT_BYTES);

function errorAfter(wait: Wait | Promise<Wait>): GraphQLError | null | Promise<GraphQLError | null> {
  const errorFor = (seconds: Wait) => (seconds === null ? null : rateLimited(seconds));
  return wait instanceof Promise ? wait.then(errorFor) : errorFor(wait);
}

// Every transport creates its context by `MakeContext`.
const contextOf = ({ contextValue }: ExecutionArgs) => contextValue as GraphqlContext;
const principalOf = (args: ExecutionArgs) => contextOf(args).viewer.principal;

const tooExpensive = (cost: number) =>
  limitPassed(
    'operationCost',
    `The operation can read ${cost} objects; the limit is ${limits.OPERATION_OBJECTS}. Request smaller pages, or fewer lists inside lists.`,
  );

const tooManySubscriptions = (max: number) =>
  limitPassed(
    'subscriptionsPerPrincipal',
    `You already have ${max} active subscriptions, which is the limit. Complete one of them, then subscribe again.`,
  );

async function withTimeout(clock: Clock, result: Promise<ExecutionResult>): Promise<ExecutionResult> {
  let cancel = () => {};
  const timeout = new Promise<ExecutionResult>((resolve) => {
    const resolveWithError = () => resolve({ errors: [timedOut(limits.OPERATION_SECONDS)] });
    cancel = clock.after(limits.OPERATION_SECONDS * 1000, resolveWithError);
  });
  try {
    return await Promise.race([result, timeout]);
  } finally {
    cancel();
  }
}
