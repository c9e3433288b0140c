import type { Ride, Talker, User } from '../contestants/contestant.ts';
import { now } from '../measure/clock.ts';
import { type Prompt, promptText } from '../model/prompt.ts';

export interface Talk {
  prompt: Prompt;
  /** Messages under way at a time. */
  users: number;
  seconds: number;
  /** Whether each token's way is wanted. */
  timed?: boolean;
}

export interface Talked {
  rides: Ride[];
  /** From the first message to the end of the last. */
  seconds: number;
  errors: number;
}

const SHOWN_ERRORS = 3;

/** Lets users talk for some seconds, each sending the next message when the last is answered. */
export async function talkTo(talker: Talker, { prompt, users, seconds, timed = false }: Talk): Promise<Talked> {
  const text = promptText(prompt);
  const rides: Ride[] = [];
  let errors = 0;
  const connected = await Promise.all(Array.from({ length: users }, () => talker.connect()));
  const begin = now();
  const end = begin + seconds * 1000;
  const keepTalking = async (user: User) => {
    while (now() < end) {
      try {
        const ride = await user.talk(text, timed);
        if (ride.isDone && ride.tokens === prompt.tokens) rides.push(ride);
        else errors += 1;
      } catch (error) {
        errors += 1;
        if (errors <= SHOWN_ERRORS) console.error(error);
      }
    }
  };
  await Promise.all(connected.map(keepTalking));
  const took = (now() - begin) / 1000;
  for (const user of connected) user.close();
  return { rides, seconds: took, errors };
}
