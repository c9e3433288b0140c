// @ts-check
// The events that both peers of the row `fanout` deliver, with the fields that Runtape's followers select. The next event is
// created when all subscribers have been sent the last one.
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

/** Publishes on `POST /<seconds>`. @param {(seconds: number) => Promise<void>} publish */
export function onCommand(publish) {
  /** @type {import('node:http').RequestListener} */
  return (request, response) => {
    response.end('ok');
    void publish(Number(request.url?.slice(1)));
  };
}
