import { cpuSeconds } from '../processes/usage.ts';
import { now } from './clock.ts';

/** More than that of a core, and what is measured may be the load generator. */
const SATURATED = 0.8;

/** Watches that neither this process nor the fake model is what everybody waits for. */
export interface LoadWatch {
  /** Watches while something is measured. */
  during<Result>(who: string, work: () => Promise<Result>): Promise<Result>;
  /** What must be said of it. */
  notes(): string[];
}

/** @param watched processes beside this one, by what they are */
export function createLoadWatch(watched: Record<string, number>): LoadWatch {
  const processes = { 'the load generator': process.pid, ...watched };
  const worst = new Map<string, number>();
  const look = () => Object.entries(processes).map(([name, id]) => [name, cpuSeconds(id)] as const);
  return {
    async during(who, work) {
      const [begin, before] = [now(), look()];
      const result = await work();
      const seconds = (now() - begin) / 1000;
      for (const [index, [name, cpu]] of look().entries()) {
        const share = (cpu - (before[index]?.[1] ?? 0)) / seconds;
        const key = `${name} used % of a core with ${who}`;
        worst.set(key, Math.max(share, worst.get(key) ?? 0));
      }
      return result;
    },
    notes: () =>
      [...worst]
        .filter(([, share]) => share > SATURATED)
        .map(([text, share]) => text.replace('%', `${Math.round(share * 100)} %`)),
  };
}
