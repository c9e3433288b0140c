import { now } from '../measure/clock.ts';
import { countTokens, sentTimes } from '../model/prompt.ts';
import type { Ride } from './contestant.ts';

/** Writes down what arrives while a message is answered. */
export function createRide(timed: boolean): { heard(text: string): void; end(isDone: boolean): Ride } {
  const sentAt = now();
  let firstAt = 0;
  let tokens = 0;
  const delays: number[] = [];
  return {
    heard(text) {
      if (text === '') return;
      const at = now();
      if (firstAt === 0) firstAt = at;
      tokens += countTokens(text);
      if (timed) for (const sent of sentTimes(text)) delays.push(at - sent);
    },
    end: (isDone) => ({ sentAt, firstAt, endedAt: now(), tokens, delays, isDone }),
  };
}
