import type { Clock } from '../../clock.ts';
import { StartError } from '../../config/start-error.ts';
import { describeFailure } from '../../tools/mcp/channel.ts';

/** What a check found out about one subject. */
export interface Finding {
  /** Such as `database`, or `model "local"`. */
  subject: string;
  isProblem: boolean;
  /** One line. For a problem it also says what to do. */
  text: string;
}

export function fine(subject: string, text: string): Finding {
  return { subject, isProblem: false, text };
}

export function problem(subject: string, text: string): Finding {
  return { subject, isProblem: true, text: sentence(text) };
}

/** In one line, with a full stop at the end. */
export function sentence(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return /[.!?…]$/.test(line) ? line : `${line}.`;
}

/**
 * The result of a check as findings: what it resolves with, or a problem for each line of its error. The advice follows errors that
 * are not StartErrors, which say themselves what to do.
 */
export async function findingOf(subject: string, advice: string, check: () => Promise<string>): Promise<Finding[]> {
  try {
    return [fine(subject, await check())];
  } catch (error) {
    if (error instanceof StartError) return error.message.split('\n').map((line) => problem(subject, line));
    // Errors of our own are sentences. For others, such as `fetch failed`, the cause names the problem.
    const isSentence = error instanceof Error && /[.!?]$/.test(error.message);
    return [problem(subject, `${isSentence ? error.message : sentence(describeFailure(error))} ${advice}`)];
  }
}

/** Settles like `work`. Rejects after the time, when the signal aborts as well. */
export async function withinSeconds<T>(
  clock: Clock,
  seconds: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let cancel = () => {};
  const expired = new Promise<never>((_, reject) => {
    cancel = clock.after(seconds * 1000, () => {
      reject(new Error(`There was no answer within ${seconds} seconds`));
      controller.abort();
    });
  });
  try {
    return await Promise.race([work(controller.signal), expired]);
  } finally {
    cancel();
  }
}
