import type { LiveList } from '../list/live-list.ts';
import { RuntapeError } from '../runtape-error.ts';
import type { ClientToolCall } from '../waits/later-documents.ts';
import type { WaitHandle } from '../waits/wait-handle.ts';

export interface ClientTool {
  description: string;
  /** JSON Schema of the input. */
  inputSchema: object;
  /** May be called more than once with the same `callId`: after a reload, and in another tab. */
  execute(input: unknown, context: { callId: string; signal: AbortSignal }): unknown;
}

/** What a message says about a tool. */
export type ClientToolInput = Omit<ClientTool, 'execute'> & { name: string };

export type ClientToolSet = Readonly<Record<string, ClientTool>>;

export interface ClientTools {
  /** What a message declares, so that its run can call the tools. */
  declare(): ClientToolInput[];
  /** Runs the calls of these tools until the returned function is called. */
  add(tools: ClientToolSet): () => void;
}

export function createClientTools(waits: LiveList<WaitHandle>): ClientTools {
  /** Calls that are executed or settled, by the id of the wait. */
  const seen = new Set<string>();
  const running = new Map<ClientToolSet, AbortController>();

  async function execute(wait: WaitHandle, tool: ClientTool, signal: AbortSignal): Promise<void> {
    const data = wait.data.get() as unknown as ClientToolCall;
    let outcome: () => Promise<void>;
    try {
      const output = await tool.execute(data.input, { callId: data.callId, signal });
      outcome = () => wait.answer(output ?? null);
    } catch (error) {
      outcome = () => wait.fail(error instanceof Error ? error.message : String(error));
    }
    try {
      await outcome();
    } catch (error) {
      // Another tab was faster, or the run has ended. Other failures leave the call open for the next attempt.
      if (error instanceof RuntapeError && error.code !== 'SETTLED') seen.delete(wait.id);
    }
  }

  function runOpenCalls(): void {
    for (const wait of waits.get()) {
      if (wait.kind !== 'CLIENT_TOOL' || seen.has(wait.id)) continue;
      const data = wait.data.get() as unknown as ClientToolCall;
      for (const [tools, { signal }] of running) {
        if (!Object.hasOwn(tools, data.tool)) continue;
        seen.add(wait.id);
        void execute(wait, tools[data.tool] as ClientTool, signal);
        break;
      }
    }
  }

  return {
    declare: () =>
      [...running.keys()].flatMap((tools) =>
        Object.entries(tools).map(([name, { description, inputSchema }]) => ({ name, description, inputSchema })),
      ),
    add(tools) {
      const leaving = new AbortController();
      running.set(tools, leaving);
      const unsubscribe = waits.subscribe(runOpenCalls);
      runOpenCalls();
      return () => {
        unsubscribe();
        leaving.abort();
        running.delete(tools);
      };
    },
  };
}
