import { createSourceEventStream, type ExecutionArgs, type ExecutionResult, execute, type GraphQLError } from 'graphql';
import { createFollowing, type Following } from '../tape/following.ts';
import { eventContexts, type GraphqlContext } from './context.ts';
import { publicOrMasked } from './public-errors.ts';
import { shareResults } from './shared-results.ts';

/** Under this key a streamed result carries the cursor of its event, for the ids of SSE. It is not serialised. */
export const eventCursor: unique symbol = Symbol('event cursor');

export type StreamedResult = ExecutionResult & { readonly [eventCursor]?: string | null };

/** What a client sees of an error. */
export type Mask = (error: unknown) => GraphQLError;

/**
 * Subscribes, and executes the selection for each event with loaders of its own: once for all who ask the same of the same
 * event and may see the same. Leaving takes effect at once, even while the next event is waited for; there is no generator
 * in between that would queue it. An error of the source becomes one last result. Every error goes through `mask`.
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

type Source = AsyncIterator<unknown> & Partial<Pick<Following<unknown>, 'ready'>>;

function streamResults(args: ExecutionArgs, source: Source, mask: Mask): Following<StreamedResult> {
  const finished: IteratorResult<StreamedResult, undefined> = { done: true, value: undefined };
  // Whoever executes operations of this schema makes this context.
  const context = args.contextValue as GraphqlContext;
  const contextOfEvent = eventContexts(context);
  const shared = shareResults<StreamedResult>(args, context.viewer);
  let held: Promise<StreamedResult> | null = null;
  let over = false;

  async function leave(): Promise<void> {
    if (!over) shared.leave();
    over = true;
    await source.return?.();
  }

  const isOver = () => over;

  const resultOf = (event: unknown): StreamedResult | Promise<StreamedResult> =>
    shared.of(event, () => {
      const result = execute({ ...args, rootValue: event, contextValue: contextOfEvent() });
      const finish = (executed: ExecutionResult) => withCursor(masked(executed, mask), event);
      return result instanceof Promise ? result.then(finish) : finish(result as ExecutionResult);
    });

  async function nextResult(): Promise<StreamedResult | null> {
    const waiting = held;
    held = null;
    if (waiting) return waiting;
    const event = await source.next();
    return event.done || isOver() ? null : resultOf(event.value);
  }

  async function pull(): Promise<IteratorResult<StreamedResult, undefined>> {
    if (isOver()) return finished;
    try {
      const result = await nextResult();
      if (isOver()) return finished;
      if (result !== null) return { done: false, value: result };
      await leave();
      return finished;
    } catch (error) {
      if (isOver()) return finished;
      await leave();
      return { done: false, value: { errors: [mask(error)] } };
    }
  }

  function ready(): StreamedResult | undefined {
    if (over || held) return undefined;
    const event = source.ready?.();
    if (event === undefined) return undefined;
    const result = resultOf(event);
    if (!(result instanceof Promise)) return result;
    held = result;
    // Whoever asks next is told of a failure.
    held.catch(() => undefined);
    return undefined;
  }

  return createFollowing(pull, leave, ready);
}

function masked(result: ExecutionResult, mask: Mask): ExecutionResult {
  return result.errors ? { ...result, errors: result.errors.map(mask) } : result;
}

function withCursor(result: ExecutionResult, event: unknown): StreamedResult {
  const cursor = typeof event === 'object' && event !== null && 'cursor' in event ? event.cursor : null;
  return Object.defineProperty(result, eventCursor, { value: cursor });
}

const written = new WeakMap<StreamedResult, string>();

/** As JSON, written once for all who get it. */
export function textOf(result: StreamedResult): string {
  const known = written.get(result);
  if (known !== undefined) return known;
  const text = JSON.stringify(result);
  written.set(result, text);
  return text;
}
