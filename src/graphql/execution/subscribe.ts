import { createSourceEventStream, type ExecutionArgs, type ExecutionResult, execute, type GraphQLError } from 'graphql';
import { formatCursor, type TapePosition } from '../../streams/cursor.ts';
import type { LiveStream } from '../../streams/live-stream.ts';
import { mapStream } from '../../streams/transformed-stream.ts';
import { eventContexts, type GraphqlContext } from '../context.ts';
import { createSharedResults } from './shared-results.ts';

/** One result of a subscription. All subscribers that share it also share its JSON. */
export class StreamedResult implements ExecutionResult {
  readonly data: ExecutionResult['data'];
  readonly errors: ExecutionResult['errors'];
  // Private, so that they are not part of the JSON.
  readonly #cursor: string | null;
  #bytes: Buffer | null = null;

  constructor({ data, errors }: ExecutionResult, cursor: string | null = null) {
    this.errors = errors;
    this.data = data;
    this.#cursor = cursor;
  }

  /** Where a client that has seen this result continues; null if it cannot. */
  get cursor(): string | null {
    return this.#cursor;
  }

  /** Its JSON in UTF-8. */
  get bytes(): Buffer {
    this.#bytes ??= Buffer.from(JSON.stringify(this));
    return this.#bytes;
  }
}

/** Starts a subscription. Resolves with the errors if it is refused; never rejects. */
export type Subscribe = (args: ExecutionArgs) => Promise<ExecutionResult | LiveStream<StreamedResult>>;

/**
 * Executes the selection for each event with new loaders, and only once for all subscribers that share the result. An error of
 * the source becomes the last result.
 *
 * @param maskError turns an error into what the client may see
 */
export function createSubscribe(maskError: (error: unknown) => GraphQLError): Subscribe {
  const sharedResults = createSharedResults<StreamedResult | Promise<StreamedResult>>();

  const masked = ({ data, errors }: ExecutionResult) => ({ data, errors: errors?.map(maskError) });
  const failed = (error: unknown) => new StreamedResult({ errors: [maskError(error)] });

  function createExecutor(args: ExecutionArgs, context: GraphqlContext) {
    const nextContext = eventContexts(context);
    return (event: object): StreamedResult | Promise<StreamedResult> => {
      const finish = (result: ExecutionResult) => new StreamedResult(masked(result), cursorOf(event));
      const result = execute({ ...args, rootValue: event, contextValue: nextContext() });
      return result instanceof Promise ? result.then(finish).catch(failed) : finish(result as ExecutionResult);
    };
  }

  function resultsOf(events: LiveStream<object>, args: ExecutionArgs): LiveStream<StreamedResult> {
    // The transports execute every operation with this context.
    const context = args.contextValue as GraphqlContext;
    const group = sharedResults.join(args, context.viewer);
    try {
      events.onClose(group.leave);
      const executeEvent = createExecutor(args, context);
      const transform = (event: object) => group.resultOf(event, executeEvent);
      return mapStream(events, { transform, fromError: failed });
    } catch (error) {
      group.leave();
      events.close();
      throw error;
    }
  }

  return async (args) => {
    try {
      const source = await createSourceEventStream(args);
      if (isLiveStream(source)) return resultsOf(source, args);
      if ('errors' in source) return masked(source);
      throw new Error('A subscription field must return a live stream.');
    } catch (error) {
      return { errors: [maskError(error)] };
    }
  };
}

function isLiveStream(source: object): source is LiveStream<object> {
  return 'read' in source && 'onReadable' in source;
}

/** Events and batches of a tape have a position; changes of the feed have a cursor. */
function cursorOf(event: object): string | null {
  const { runId, seq, cursor } = event as Partial<TapePosition & { cursor: string }>;
  if (cursor !== undefined) return cursor;
  return runId === undefined || seq === undefined ? null : formatCursor({ runId, seq });
}
