import { expect, test } from 'vitest';
import { FollowRunDocument } from '../../generated/graphql.ts';
import { type Event, follow, send } from '../conversation.ts';
import { startTestGateway } from '../gateway.ts';
import { seededRandom } from './random.ts';
import { openSocket } from './socket.ts';

/** Follows a run and cuts the connection after `count` events; if that is 0, before the server has answered. */
function followUntilCut(url: string, runId: string, after: string | null, count: number) {
  const { client, cut } = openSocket(url);
  const events: Event[] = [];
  return new Promise<{ events: Event[]; ended: boolean }>((resolve, reject) => {
    let isCut = false;
    const cutOff = () => {
      isCut = true;
      cut();
    };
    if (count === 0) client.on('opened', cutOff);
    client.subscribe<{ runEvents: Event }>(
      { query: FollowRunDocument.toString(), variables: { runId, after } },
      {
        next({ data, errors }) {
          if (errors) return reject(errors);
          if (isCut || !data) return;
          events.push(data.runEvents);
          if (events.length === count) cutOff();
        },
        error: (error) => (isCut ? resolve({ events, ended: false }) : reject(error)),
        complete: () => resolve({ events, ended: !isCut }),
      },
    );
  });
}

test('B24: a client whose socket is cut a hundred times at random misses and repeats nothing', async () => {
  const { client, url } = await startTestGateway();
  const random = seededRandom('sockets cut at random');
  const text = '/pace 1\n/words 60\n/call clock {}\n/then\n/words 60';
  let cuts = 0;
  for (let turn = 0; turn < 6 || cuts < 100; turn += 1) {
    const { run, cursor } = await send(client, { sessionKey: `cut ${turn % 2}`, text });
    const seen: Event[] = [];
    for (let ended = false; !ended; ) {
      const last = seen.at(-1)?.cursor ?? (turn % 2 === 0 ? cursor : null);
      const part = await followUntilCut(url, run.id, last, random(9));
      seen.push(...part.events);
      ended = part.ended;
      if (!ended) cuts += 1;
    }
    const tape = await follow(client, run.id);
    expect(tape.map(({ seq }) => seq)).toEqual(tape.map((_, index) => index + 1));
    expect(seen).toEqual(turn % 2 === 0 ? tape.slice(1) : tape);
  }
  expect(cuts).toBeGreaterThanOrEqual(100);
});
