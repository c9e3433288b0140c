// @ts-check
// What both peers of the row `fanout` deliver: events as Runtape's followers see them, as many as can be delivered in the
// seconds that are asked for. The next one is made when everybody has been sent the last.
import { setImmediate as nextTurn } from 'node:timers/promises';

const TEXT = 'x'.repeat(79).concat(' ');

/** @param {number} seq */
export const eventAt = (seq) => ({
  __typename: 'OutputDeltaEvent',
  runId: 'run_01KAQ0000000000000000000AB',
  seq,
  cursor: `cnVuXzAxS0FRMDAwMDAwMDAwMDAwMDAwMDAwMEFCOg${seq}`,
  type: 'OUTPUT_DELTA',
  text: TEXT,
});

/**
 * @param {number} seconds
 * @param {(seq: number) => void} deliver
 * @param {() => boolean} isDelivered
 */
export async function publishFor(seconds, deliver, isDelivered) {
  const end = performance.now() + seconds * 1000;
  for (let seq = 1; performance.now() < end; seq += 1) {
    deliver(seq);
    do await nextTurn();
    while (!isDelivered());
  }
}

/** Publishes when it is told to by `POST /<seconds>`. @param {(seconds: number) => Promise<void>} publish */
export function onCommand(publish) {
  /** @type {import('node:http').RequestListener} */
  return (request, response) => {
    response.end('ok');
    void publish(Number(request.url?.slice(1)));
  };
}
