import { type Clock, nextTurn } from '../../clock.ts';
import { MCP_MESSAGES_PER_TURN, MCP_TIME_MILLISECONDS, MCP_TIME_PART } from '../../config/limits.ts';

/** What reading and answering a message takes, at least, and what each byte of it takes in addition. */
const MESSAGE_MILLISECONDS = 0.2;
const BYTE_MILLISECONDS = 1e-5;
/** What an HTTP request takes, such as a reply to a message. */
const REQUEST_MILLISECONDS = 1.5;

/** Lets a server that sends messages without end use only a part of the time of the event loop. */
export interface MessagePace {
  /** Counts a message. Returns null if the next one can be read at once, otherwise a promise that resolves when it can. */
  after(bytes: number): Promise<void> | null;
  /** Counts an HTTP request to the server. The messages after it wait for it. */
  countRequest(): void;
}

export function createMessagePace(
  { elapsed, sleep }: Pick<Clock, 'elapsed' | 'sleep'>,
  otherTurn: () => Promise<void> = nextTurn,
): MessagePace {
  let left = MCP_TIME_MILLISECONDS;
  let countedAt = elapsed();
  let inTurn = 0;

  async function wait(): Promise<void> {
    if (left < 0) await sleep(-left / MCP_TIME_PART);
    else await otherTurn();
    inTurn = 0;
  }

  return {
    countRequest() {
      left -= REQUEST_MILLISECONDS;
    },
    after(bytes) {
      const now = elapsed();
      // Messages with pauses between them come in turns of their own.
      if (now - countedAt > 1) inTurn = 0;
      left = Math.min(MCP_TIME_MILLISECONDS, left + (now - countedAt) * MCP_TIME_PART);
      countedAt = now;
      left -= MESSAGE_MILLISECONDS + bytes * BYTE_MILLISECONDS;
      inTurn += 1;
      return left < 0 || inTurn >= MCP_MESSAGES_PER_TURN ? wait() : null;
    },
  };
}
