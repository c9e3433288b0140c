import { createClient } from '@runtape/client';
import { RuntapeProvider, useClientTools, useRun, useSession } from '@runtape/client/react';
import { StrictMode } from 'react';
import { createRoot, type Root } from 'react-dom/client';

/** What has gone over all sockets of the page. */
const sent = { subscribe: 0, complete: 0, open: 0 };
const { send } = WebSocket.prototype;
WebSocket.prototype.send = function (this: WebSocket, data) {
  const { type } = JSON.parse(String(data)) as { type: string };
  if (type === 'connection_init') sent.open += 1;
  if (type === 'subscribe' || type === 'complete') sent[type] += 1;
  return send.call(this, data);
};

const tape = createClient({ url: new URL('/graphql', location.href) });
const counts = { renders: 0, frames: 0, changedSettled: 0 };
let earlier: readonly object[] = [];

function count(): void {
  counts.frames += 1;
  requestAnimationFrame(count);
}

function Run({ id }: { id: string }) {
  const { state } = useRun(id);
  return <p>{state.text}</p>;
}

function Messages({ name }: { name: string }) {
  const { messages } = useSession(name);
  counts.renders += 1;
  counts.changedSettled += earlier.slice(0, -1).filter((message, index) => message !== messages[index]).length;
  earlier = messages;
  return <p>{messages.map(({ text }) => text).join(' | ')}</p>;
}

/** Calls of the tool of this page that have no result yet: each function gives one. */
const toolCalls: ((output: unknown) => void)[] = [];
const tools = {
  locate: {
    description: 'Tells where the user is.',
    inputSchema: { type: 'object' },
    execute: () => new Promise<unknown>((resolve) => toolCalls.push(resolve)),
  },
};

function Tools() {
  useClientTools(tools);
  return <p>ready</p>;
}

let root: Root | null = null;
const render = (children: React.ReactNode) => {
  root ??= createRoot(document.getElementById('root') as HTMLElement);
  root.render(<RuntapeProvider client={tape}>{children}</RuntapeProvider>);
};

const page = {
  sent,
  counts,
  tape,
  countFrames: count,
  mountRuns: (id: string, number: number) =>
    render(
      <StrictMode>
        {Array.from({ length: number }, (_, index) => `run ${index}`).map((key) => (
          <Run key={key} id={id} />
        ))}
      </StrictMode>,
    ),
  toolCalls,
  mountTools: () => render(<Tools />),
  mountMessages: (name: string) => render(<Messages name={name} />),
  clear: () => render(null),
};
declare global {
  interface Window {
    hooks: typeof page;
  }
}
window.hooks = page;
