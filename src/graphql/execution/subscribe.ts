import { createSourceEventStream, type ExecutionArgs, type ExecutionResult, execute, type GraphQLError } from 'graphql';
import { createFollowing, type Following } from '../../streams/following.ts';
import { eventContexts, type GraphqlContext } from '../context.ts';
import { publicOrMasked } from '../public-errors.ts';
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

type Source = AsyncIterator<unknown> & Partial<Pick<Following<unknown>, 'ready' | 'onReady'>>;

function streamResults(args: ExecutionArgs, source: Source, mask: Mask): Following<StreamedResult> {
  const finished: IteratorResult<StreamedResult, undefined> = { done: true, value: undefined };
  // Whoever executes operations of this schema makes this context.
  const context = args.contextValue as GraphqlContext;
  const shared = shareResults(args, context.viewer, executor(args, context, mask));
  const late = createLateResults();
  let over = false;

  async function leave(): Promise<void> {
    if (!over) shared.leave();
    over = true;
    await source.return?.();
  }

  const isOver = () => over;

  /** The last result, which says what went wrong. */
  const failed = (error: unknown): StreamedResult => ({ errors: [mask(error)] });

  async function nextResult(): Promise<StreamedResult | null> {
    if (late.isEmpty()) {
      const event = await source.next();
      if (isOver()) return null;
      if (!event.done) late.add(shared.of(event.value));
    }
    return late.first();
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
      return { done: false, value: failed(error) };
    }
  }

  function ready(): StreamedResult | undefined {
    if (over) return undefined;
    try {
      if (!late.isEmpty()) return late.ready();
      const event = source.ready?.();
      if (event === undefined) return undefined;
      const result = shared.of(event);
      if (!(result instanceof Promise)) return result;
      late.add(result);
      return undefined;
    } catch (error) {
      void leave();
      return failed(error);
    }
  }

  return createFollowing({
    pull,
    leave,
    ready,
    onReady(listener) {
      late.onReady(listener);
      source.onReady?.(listener);
    },
  });
}

/** Executes the selection for one event. What takes its time does not reject. */
function executor(args: ExecutionArgs, context: GraphqlContext, mask: Mask) {
  const contextOfEvent = eventContexts(context);
  return (event: unknown): StreamedResult | Promise<StreamedResult> => {
    const result = execute({ ...args, rootValue: event, contextValue: contextOfEvent() });
    const finish = (executed: ExecutionResult) => withCursor(masked(executed, mask), event);
    if (!(result instanceof Promise)) return finish(result as ExecutionResult);
    return result.then(finish).catch((error) => ({ errors: [mask(error)] }));
  };
}

/** Results that were not there at once, and what came behind them, in their order. */
function createLateResults() {
  const results: (StreamedResult | Promise<StreamedResult>)[] = [];
  let isAwaited = false;
  let tell = () => {};
  return {
    isEmpty: () => results.length === 0 && !isAwaited,
    add(result: StreamedResult | Promise<StreamedResult>): void {
      results.push(result);
      if (!(result instanceof Promise)) return;
      const settle = (settled: StreamedResult) => {
        const place = results.indexOf(result);
        if (place >= 0) results[place] = settled;
        tell();
      };
      result.then(settle, tell);
    },
    /** Null where there is none. */
    async first(): Promise<StreamedResult | null> {
      isAwaited = true;
      try {
        return (await results.shift()) ?? null;
      } finally {
        isAwaited = false;
      }
    },
    ready(): StreamedResult | undefined {
      const [first] = results;
      if (isAwaited || first instanceof Promise) return undefined;
      results.shift();
      return first;
    },
    onReady(listener: () => void): void {
      tell = listener;
    },
  };
}

function masked(result: ExecutionResult, mask: Mask): ExecutionResult {
  return result.errors ? { ...result, errors: result.errors.map(mask) } : result;
}

function withCursor(result: ExecutionResult, event: unknown): StreamedResult {
  const cursor = typeof event === 'object' && event !== null && 'cursor' in event ? event.cursor : null;
  return Object.defineProperty(result, eventCursor, { value: cursor });
}

const written = new WeakMap<StreamedResult, Buffer>();

/** As JSON in UTF-8, written once for all who get it. */
export function bytesOf(result: StreamedResult): Buffer {
  const known = written.get(result);
  if (known !== undefined) return known;
  const bytes = Buffer.from(JSON.stringify(result));
  written.set(result, bytes);
  return bytes;
}
