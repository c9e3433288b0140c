import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { expect, test } from 'vitest';
import { createClient } from '../../../client/src/client.ts';
import {
  RuntapeProvider,
  useActivity,
  useClientTools,
  useRun,
  useSession,
  useSessions,
  useWaits,
} from '../../../client/src/react/index.ts';

function Page() {
  const { messages, waits, run, sync } = useSession('first');
  const { state } = useRun('run_1');
  const [sessions, all] = [useSessions({ pageSize: 5 }), useWaits()];
  useActivity(() => {});
  useClientTools({ clock: { description: 'The time', inputSchema: {}, execute: () => 0 } });
  return [sync.state, messages.length, waits.length, run, state.state, sessions.items.length, all.items.length].join(
    ' ',
  );
}

test('rendering on a server asks for nothing and does not fail', async () => {
  const unreachable = () => Promise.reject(new Error('The server must not send requests.'));
  const client = createClient({ url: 'http://gateway.invalid/graphql', fetch: unreachable, transport: 'sse' });
  const html = renderToString(createElement(RuntapeProvider, { client }, createElement(Page)));
  expect(html).toBe('catching-up 0 0  PENDING 0 0');
  await client.close();
});

test('a hook outside of the provider is an error that says so', () => {
  expect(() => renderToString(createElement(Page))).toThrow(/RuntapeProvider/);
});
