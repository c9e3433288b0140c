import type { Contestant, Talker } from '../contestants/contestant.ts';
import { talkTo } from '../load/talking.ts';
import type { Bench } from './row.ts';

const WARM_UP_SECONDS = 6;
const WARM_UP_USERS = 32;
const WARM_UP_TOKENS = 20;

export type NamedTalker = Talker & { name: string };

/** Starts contestants, warms them up, and stops them when the work is done. */
export async function withTalkers<Result>(
  { modelUrl, say }: Bench,
  contestants: readonly Contestant[],
  work: (talkers: NamedTalker[]) => Promise<Result>,
): Promise<Result> {
  const talkers: NamedTalker[] = [];
  try {
    for (const contestant of contestants) {
      say(`starting ${contestant.name}`);
      const talker = { name: contestant.name, ...(await contestant.start(modelUrl)) };
      talkers.push(talker);
      const prompt = { tokens: WARM_UP_TOKENS, pace: 0 };
      await talkTo(talker, { prompt, users: WARM_UP_USERS, seconds: WARM_UP_SECONDS });
    }
    return await work(talkers);
  } finally {
    await Promise.all(talkers.map((talker) => talker.stop()));
  }
}
