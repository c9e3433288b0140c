/** Longer than any condition of a test needs on a busy machine, and shorter than the time-out of the test, which says nothing. */
const DEADLINE_SECONDS = 20;
/** Many conditions are queries. Short intervals throughout would take more CPU time than the work that is waited for. */
const MINIMUM_PAUSE_MILLISECONDS = 5;
const MAXIMUM_PAUSE_MILLISECONDS = 50;
/** The pause as a part of the time that has passed. */
const PAUSE_SHARE = 0.1;

export interface Deadline {
  /** What is waited for, for the message of the failure. A function is called when waiting fails. */
  description: string | (() => string);
  seconds?: number;
  /** Waiting fails when this resolves. */
  ended?: Promise<void>;
}

/** Settles like `work`. Rejects with the description after the deadline. */
export async function withDeadline<T>(
  work: Promise<T>,
  { description, seconds = DEADLINE_SECONDS, ended }: Deadline,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const missing = () => (typeof description === 'string' ? description : description());
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited ${seconds} s in vain for: ${missing()}`)), seconds * 1000);
    void ended?.then(() => reject(new Error(`The test ended while it waited for: ${missing()}`)));
  });
  try {
    return await Promise.race([work, expired]);
  } finally {
    clearTimeout(timer);
  }
}

type Falsy = null | undefined | false | 0 | '';

/**
 * Calls `condition` in growing intervals until it returns something truthy, and returns that. Rejects like `withDeadline`, and as
 * `condition` does.
 */
export async function poll<T>(
  condition: () => T | Promise<T>,
  { description = condition.toString(), ...deadline }: Partial<Deadline> = {},
): Promise<Exclude<T, Falsy>> {
  let isWaiting = true;
  const start = performance.now();
  const pauseMilliseconds = () => {
    const pause = (performance.now() - start) * PAUSE_SHARE;
    return Math.min(Math.max(pause, MINIMUM_PAUSE_MILLISECONDS), MAXIMUM_PAUSE_MILLISECONDS);
  };
  async function repeat(): Promise<Exclude<T, Falsy>> {
    for (;;) {
      const result = await condition();
      if (result) return result as Exclude<T, Falsy>;
      // Ends the loop after the deadline, when nothing awaits it any more.
      if (!isWaiting) throw new Error('Nothing waits for this condition any more.');
      await new Promise((resolve) => setTimeout(resolve, pauseMilliseconds()));
    }
  }
  try {
    return await withDeadline(repeat(), { description, ...deadline });
  } finally {
    isWaiting = false;
  }
}
