import type { LiveList } from '../list/live-list.ts';
import type { RuntapeError } from '../runtape-error.ts';
import type { Wait } from '../waits/wait.ts';
import type { WaitHandle } from '../waits/wait-handle.ts';
import type { ClientTool, ClientToolSet } from './client-tool.ts';

type Call = Extract<Wait, { __typename: 'ClientToolCall' }>;

/** Between two attempts to hand in a result, each of which is repeated for minutes. */
const RETRY_MILLISECONDS = 5_000;

/** Executes the open calls of these tools, until the returned function is called. */
export function runTools(waits: LiveList<WaitHandle>, tools: ClientToolSet): () => void {
  /** Waits whose call is executed or settled. */
  const seen = new Set<string>();
  const leaving = new AbortController();

  async function execute(wait: WaitHandle, tool: ClientTool, { input, callId }: Call): Promise<void> {
    let output: unknown;
    try {
      output = await tool.execute(input, { callId, signal: leaving.signal });
    } catch (error) {
      await handIn(() => wait.fail(error instanceof Error ? error.message : String(error)));
      return;
    }
    const refusal = await handIn(() => wait.answer(output ?? null));
    // For example an output that is too large: the model is told.
    if (refusal?.code === 'INVALID_INPUT') await handIn(() => wait.fail(refusal.message));
  }

  /** Submits a result until the gateway has taken or refused it; returns the refusal. Another tab may have been faster. */
  async function handIn(submit: () => Promise<void>): Promise<RuntapeError | null> {
    for (;;) {
      try {
        await submit();
        return null;
      } catch (cause) {
        const error = cause as RuntapeError;
        if (!error.retryable || leaving.signal.aborted) return error;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
    }
  }

  function runOpenCalls(): void {
    for (const wait of waits.get()) {
      const call = wait.data.get();
      if (seen.has(wait.id) || call.__typename !== 'ClientToolCall' || !Object.hasOwn(tools, call.tool)) continue;
      seen.add(wait.id);
      void execute(wait, tools[call.tool] as ClientTool, call);
    }
  }

  const unsubscribe = waits.subscribe(runOpenCalls);
  runOpenCalls();
  return () => {
    unsubscribe();
    leaving.abort();
  };
}
