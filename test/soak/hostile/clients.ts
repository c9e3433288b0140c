import { connect } from 'node:net';
import WebSocket from 'ws';
import * as limits from '../../../src/config/limits.ts';
import { hostileBodies } from './bodies.ts';

export interface Target {
  url: string;
  /** The value of the Authorization header of an authenticated but hostile principal. */
  authorization: string;
}

/** Counts by kind of client and by outcome. */
export type Outcomes = Record<string, Record<string, number>>;

type Client = (target: Target, round: number, signal: AbortSignal) => Promise<string>;

/** Their seed is replaced before they are sent. */
const bodies = Object.values(hostileBodies(limits.BODY_BYTES - 100));
const longBody = Buffer.alloc(4 * 1024 * 1024, '[');

const bodyOf = (round: number) => (bodies[round % bodies.length] ?? '{}').replace('"query":"#0', `"query":"#${round}`);

/** One in so many attacks of the kind writes an answer first. */
const ANSWERS = 4;
const writeAnswer =
  'mutation ($key: String!, $text: String!) { sendMessage(input: { sessionKey: $key, text: $text }) { __typename } }';
const longAnswer = '/pace 0\n/words 20000';
const readAnswers = `{ ${Array.from({ length: 49 }, (_, index) => `a${index}: runs(first: 100) { nodes { input output } }`).join(' ')} }`;

/** Similar texts, so that each search and each comparison looks at all of them. */
const similarText = (round: number) => `${Array.from({ length: 40 }, (_, index) => `w${index}x`).join(' ')} n${round}`;
const remember = 'mutation ($text: String!) { remember(input: { text: $text }) { __typename } }';
const scans = `query ($text: String!) {
  memories(first: 100, query: $text) { nodes { id } }
  usageReport(first: 100, since: "2020-01-01T00:00:00Z", groupBy: [DAY, MODEL, SESSION]) { nodes { runs } }
  runs(first: 100, filter: { model: "none" }) { totalCount nodes { id } }
}`;
const longMessage = similarText(0).repeat(500);

/** Each attacks once and resolves with what happened to it. */
const clients: Record<string, Client> = {
  async 'slow bodies over HTTP'({ url, authorization }, round, signal) {
    const headers = { 'content-type': 'application/json', authorization };
    const response = await fetch(url, { method: 'POST', headers, body: bodyOf(round), signal });
    await response.arrayBuffer();
    return String(response.status);
  },
  async 'slow documents over GET'({ url, authorization }, round, signal) {
    const query = `{${'\n'.repeat(2000)}f${round} ${'...on Sesion { a } '.repeat(100)}}`;
    const response = await fetch(`${url}?${new URLSearchParams({ query })}`, { headers: { authorization }, signal });
    await response.arrayBuffer();
    return String(response.status);
  },
  async 'too long bodies'({ url, authorization }, _round, signal) {
    const headers = { 'content-type': 'application/json', authorization };
    const response = await fetch(url, { method: 'POST', headers, body: longBody, signal });
    return String(response.status);
  },
  async 'long results'({ url, authorization }, round, signal) {
    const headers = { 'content-type': 'application/json', authorization };
    const post = (body: object) => fetch(url, { method: 'POST', headers, body: JSON.stringify(body), signal });
    if (round % ANSWERS === 0)
      await (await post({ query: writeAnswer, variables: { key: `long-${round}`, text: longAnswer } })).text();
    const response = await post({ query: readAnswers });
    await response.arrayBuffer();
    return String(response.status);
  },
  async 'long messages and searches'({ url, authorization }, round, signal) {
    const headers = { 'content-type': 'application/json', authorization };
    const post = (query: string, text: string) =>
      fetch(url, {
        method: 'POST',
        headers,
        body: JSON.stringify({ query, variables: { text, key: `m-${round}` } }),
        signal,
      });
    const responses = [
      await post(remember, similarText(round)),
      await post(scans, similarText(round)),
      await post(writeAnswer, longMessage),
    ];
    for (const response of responses) await response.arrayBuffer();
    return responses.map(({ status }) => status).join(' ');
  },
  'slow messages over WebSocket': (target, round, signal) =>
    overSocket(target, signal, (socket) => {
      socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: target.authorization } }));
      socket.once('message', () => socket.send(`{"id":"a","type":"subscribe","payload":${bodyOf(round)}}`));
    }),
  'long messages without authentication': (target, _round, signal) =>
    overSocket(target, signal, (socket) => socket.send(longBody)),
  'unfinished messages without authentication': (target, _round, signal) =>
    overSocket(target, signal, (socket) => {
      for (let count = 0; count < 100; count += 1) socket.send('x'.repeat(1024), { fin: false });
    }),
  'silent connections': (target, _round, signal) => overSocket(target, signal, () => {}),
  'incomplete requests'({ url }, _round, signal) {
    const { hostname, port } = new URL(url);
    return new Promise((resolve) => {
      const socket = connect(Number(port), hostname, () => void socket.write('POST /graphql HTTP/1.1\r\nHost: x\r\n'));
      socket.once('error', () => resolve('error')).once('close', () => resolve('closed'));
      signal.addEventListener('abort', () => socket.destroy(), { once: true });
    });
  },
};

/** Opens a socket and resolves with the second message (after `connection_ack`), or with the code of its close. */
function overSocket({ url }: Target, signal: AbortSignal, attack: (socket: WebSocket) => void): Promise<string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws');
    const stop = () => socket.terminate();
    signal.addEventListener('abort', stop, { once: true });
    let messages = 0;
    socket.on('error', () => {});
    socket.once('open', () => attack(socket));
    socket.on('message', () => {
      messages += 1;
      if (messages === 2) socket.close();
    });
    socket.once('close', (code) => {
      signal.removeEventListener('abort', stop);
      resolve(messages === 2 ? 'answered' : String(code));
    });
  });
}

/** Runs this number of hostile clients of all kinds until the signal aborts. */
export async function runHostileClients(target: Target, count: number, signal: AbortSignal): Promise<Outcomes> {
  const outcomes: Outcomes = {};
  const kinds = Object.entries(clients);
  let round = 0;
  const attack = async (index: number) => {
    const [kind = '', client] = kinds[index % kinds.length] ?? [];
    while (client && !signal.aborted) {
      round += 1;
      const outcome = await client(target, round, signal).catch((error: Error) => (signal.aborted ? '' : error.name));
      if (outcome === '') continue;
      outcomes[kind] ??= {};
      outcomes[kind][outcome] = (outcomes[kind][outcome] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: count }, (_, index) => attack(index)));
  return outcomes;
}
