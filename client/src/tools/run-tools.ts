import type { LiveList } from '../list/live-list.ts';
import type { RuntapeError } from '../runtape-error.ts';
import type { Wait } from '../waits/wait.ts';
import type { WaitHandle } from '../waits/wait-handle.ts';
import type { ClientTool, ClientToolSet } from './client-tool.ts';

type Call = Extract<Wait, { __typename: 'ClientToolCall' }>;

/** Executes the open calls of these tools, until the returned function is called. */
export function runTools(waits: LiveList<WaitHandle>, tools: ClientToolSet): () => void {
  /** Waits whose call is executed or settled. */
  const seen = new Set<string>();
  const leaving = new AbortController();

  async function execute(wait: WaitHandle, tool: ClientTool, { input, callId }: Call): Promise<void> {
    let submit: () => Promise<void>;
    try {
      const output = await tool.execute(input, { callId, signal: leaving.signal });
      submit = () => wait.answer(output ?? null);
    } catch (error) {
      submit = () => wait.fail(error instanceof Error ? error.message : String(error));
    }
    // Another tab may have been faster, or the run has ended. After another failure the call stays open for the next attempt.
    await submit().catch((error: RuntapeError) => {
      if (error.code !== 'SETTLED') seen.delete(wait.id);
    });
  }

  function runOpenCalls(): void {
    for (const wait of waits.get()) {
      if (wait.kind !== 'CLIENT_TOOL' || seen.has(wait.id)) continue;
      const call = wait.data.get();
      if (call.__typename !== 'ClientToolCall' || !Object.hasOwn(tools, call.tool)) continue;
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
