import { now } from '../measure/clock.ts';
import { countTokens, sentTimes } from '../model/prompt.ts';
import type { MessageTiming } from './chat-system.ts';

export interface MessageTimer {
  /** Call it with each text that arrives. */
  received(text: string): void;
  finish(isDone: boolean): MessageTiming;
}

/** Measures one message. Create it just before the message is sent. */
export function createMessageTimer(recordDelays: boolean): MessageTimer {
  const sentAt = now();
  let firstAt = 0;
  let tokens = 0;
  const delays: number[] = [];
  return {
    received(text) {
      if (text === '') return;
      const receivedAt = now();
      if (firstAt === 0) firstAt = receivedAt;
      tokens += countTokens(text);
      if (recordDelays) for (const tokenSentAt of sentTimes(text)) delays.push(receivedAt - tokenSentAt);
    },
    finish: (isDone) => ({ sentAt, firstAt, endedAt: now(), tokens, delays, isDone }),
  };
}
