import { createSourceEventStream, type ExecutionArgs, type ExecutionResult, execute, type GraphQLError } from 'graphql';
import { createFollowing, type Following } from '../tape/following.ts';
import { forEvent, type GraphqlContext } from './context.ts';
import { publicOrMasked } from './public-errors.ts';

/** Under this key a streamed result carries the cursor of its event, for the ids of SSE. It is not serialised. */
export const eventCursor: unique symbol = Symbol('event cursor');

export type StreamedResult = ExecutionResult & { readonly [eventCursor]?: string | null };

/** What a client sees of an error. */
export type Mask = (error: unknown) => GraphQLError;

/**
 * Subscribes, and executes the selection for each event with loaders of its own. Leaving takes effect at once, even while
 * the next event is waited for; there is no generator in between that would queue it. An error of the source becomes one
 * last result. Every error goes through `mask`.
 */
export async function subscribeOperation(
  args: ExecutionArgs,
  mask: Mask = publicOrMasked,
): Promise<ExecutionResult | Following<StreamedResult>> {
  try {
    const stream = await createSourceEventStream(args);
    if (Symbol.asyncIterator in stream) return streamResults(args, stream[Symbol.asyncIterator](), mask);
    return masked(stream, mask);
  } catch (error) {
    return { errors: [mask(error)] };
  }
}

function streamResults(args: ExecutionArgs, source: AsyncIterator<unknown>, mask: Mask): Following<StreamedResult> {
  const finished: IteratorResult<StreamedResult, undefined> = { done: true, value: undefined };
  // Whoever executes operations of this schema makes this context.
  const context = args.contextValue as GraphqlContext;
  let over = false;

  async function leave(): Promise<void> {
    over = true;
    await source.return?.();
  }

  const isOver = () => over;

  async function pull(): Promise<IteratorResult<StreamedResult, undefined>> {
    if (isOver()) return finished;
    try {
      const event = await source.next();
      if (isOver()) return finished;
      if (event.done) {
        over = true;
        return finished;
      }
      const result = await execute({ ...args, rootValue: event.value, contextValue: forEvent(context) });
      return isOver() ? finished : { done: false, value: withCursor(masked(result, mask), event.value) };
    } catch (error) {
      if (isOver()) return finished;
      await leave();
      return { done: false, value: { errors: [mask(error)] } };
    }
  }

  return createFollowing(pull, leave);
}

function masked(result: ExecutionResult, mask: Mask): ExecutionResult {
  return result.errors ? { ...result, errors: result.errors.map(mask) } : result;
}

function withCursor(result: ExecutionResult, event: unknown): StreamedResult {
  const cursor = typeof event === 'object' && event !== null && 'cursor' in event ? event.cursor : null;
  return Object.defineProperty(result, eventCursor, { value: cursor });
}
