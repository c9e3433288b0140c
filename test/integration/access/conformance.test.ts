import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { fetchExchange, subscriptionExchange, Client as UrqlClient } from '@urql/core';
import { auditServer } from 'graphql-http';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createSocketClient } from 'graphql-ws';
import { describe, expect, onTestFinished, test } from 'vitest';
import WebSocket from 'ws';
import { createTestClient } from '../../client.ts';
import { converse } from '../conversation.ts';
import { bearing, startGuarded, tokens } from './accounts.ts';

/** Audits that fail on purpose: the reasons by id. */
const accepted: Readonly<Record<string, string>> = {};

test('B59: the GraphQL-over-HTTP audit passes, with a token on every request', async () => {
  const { url } = await startGuarded();
  const fetchWithToken: typeof fetch = (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set('authorization', `Bearer ${tokens.ada}`);
    return fetch(input, { ...init, headers });
  };
  const results = await auditServer({ url, fetchFn: fetchWithToken });
  const failures = results.flatMap((result) =>
    result.status === 'ok' || accepted[result.id] ? [] : [`${result.id} ${result.name}: ${result.reason}`],
  );
  process.stdout.write(
    `audit: ${results.length} checks, ${results.filter(({ status }) => status === 'ok').length} passed\n`,
  );
  expect(failures).toEqual([]);
});

describe('B59: unmodified clients work', () => {
  const query = '{ viewer { principal } }';
  const follow = 'subscription Follow($runId: ID!) { runEvents(runId: $runId) { __typename seq } }';

  async function startWithRun() {
    const { url } = await startGuarded();
    await using client = createTestClient(url, bearing(tokens.ada));
    const { runId, events } = await converse(client, { sessionKey: 's', text: 'Hello' });
    const sockets = createSocketClient({
      url: url.replace('http', 'ws'),
      webSocketImpl: WebSocket,
      connectionParams: () => bearing(tokens.ada),
    });
    onTestFinished(async () => sockets.dispose());
    return { url, runId, seqs: events.map(({ seq }) => seq), sockets };
  }

  test('graphql-sse', async () => {
    const { url, runId, seqs } = await startWithRun();
    const client = createSseClient({ url, headers: bearing(tokens.ada) });
    const seen = [];
    for await (const { data } of client.iterate<{ runEvents: { seq: number } }>({
      query: follow,
      variables: { runId },
    }))
      seen.push(data?.runEvents.seq);
    expect(seen).toEqual(seqs);
    client.dispose();
  });

  test('@urql/core, over HTTP and WebSocket', async () => {
    const { url, runId, seqs, sockets } = await startWithRun();
    const client = new UrqlClient({
      url,
      preferGetMethod: false,
      fetchOptions: { headers: bearing(tokens.ada) },
      exchanges: [
        subscriptionExchange({
          forwardSubscription: ({ query: text, variables }) => ({
            subscribe: (sink) => ({
              unsubscribe: sockets.subscribe(
                { query: text ?? '', variables: variables as Record<string, unknown> },
                sink as never,
              ),
            }),
          }),
        }),
        fetchExchange,
      ],
    });
    expect((await client.query(query, {}).toPromise()).data).toMatchObject({ viewer: { principal: 'ada' } });
    const seen: number[] = [];
    await new Promise<void>((resolve) => {
      client.subscription<{ runEvents: { seq: number } }>(follow, { runId }).subscribe(({ data, error }) => {
        if (error) throw error;
        if (data) seen.push(data.runEvents.seq);
        if (seen.length === seqs.length) resolve();
      });
    });
    expect(seen).toEqual(seqs);
  });

  test('@apollo/client, over HTTP and WebSocket', async () => {
    const { url, runId, seqs, sockets } = await startWithRun();
    const overHttp = new ApolloClient({
      link: new HttpLink({ uri: url, headers: bearing(tokens.ada) }),
      cache: new InMemoryCache(),
    });
    expect((await overHttp.query({ query: gql(query) })).data).toMatchObject({ viewer: { principal: 'ada' } });
    // Without any configuration of the cache, each event is an object of its own.
    const tape = 'query ($runId: ID!) { run(id: $runId) { id tape(first: 100) { nodes { id seq payload } } } }';
    await overHttp.query({ query: gql(tape), variables: { runId } });
    const ids = Object.keys(overHttp.cache.extract() as object).filter((id) => id.includes('Event:'));
    expect(ids.map((id) => id.replace(/^\w+:/, ''))).toEqual(seqs.map((seq) => `${runId}:${seq}`));
    const overSocket = new ApolloClient({ link: new GraphQLWsLink(sockets), cache: new InMemoryCache() });
    const seen: number[] = [];
    await new Promise<void>((resolve, reject) => {
      overSocket.subscribe<{ runEvents: { seq: number } }>({ query: gql(follow), variables: { runId } }).subscribe({
        next: ({ data }) => void seen.push(data?.runEvents.seq ?? 0),
        error: reject,
        complete: resolve,
      });
    });
    expect(seen).toEqual(seqs);
  });
});
