import { cpuSeconds } from '../processes/usage.ts';
import { now } from './clock.ts';

/** A process that uses more of a core than this may limit what is measured. */
const SATURATED_SHARE = 0.8;

/** Checks that neither the load generator nor the fake model is the bottleneck of a measurement. */
export interface SaturationCheck {
  /** Records the processor time of the processes during a measurement. */
  during<Result>(subject: string, measure: () => Promise<Result>): Promise<Result>;
  /** One line for each process and measurement that was saturated. */
  notes(): string[];
}

/** @param processIds ids of the processes to check beside this one, by name */
export function createSaturationCheck(processIds: Record<string, number>): SaturationCheck {
  const checked = { 'the load generator': process.pid, ...processIds };
  const maxShares = new Map<string, number>();
  const readUsage = () => Object.entries(checked).map(([name, id]) => ({ name, cpu: cpuSeconds(id) }));
  return {
    async during(subject, measure) {
      const begin = now();
      const before = readUsage();
      const result = await measure();
      const seconds = (now() - begin) / 1000;
      for (const [index, { name, cpu }] of readUsage().entries()) {
        const share = (cpu - (before[index]?.cpu ?? 0)) / seconds;
        const key = `${name} used % of a core with ${subject}`;
        maxShares.set(key, Math.max(share, maxShares.get(key) ?? 0));
      }
      return result;
    },
    notes: () =>
      [...maxShares]
        .filter(([, share]) => share > SATURATED_SHARE)
        .map(([text, share]) => text.replace('%', `${Math.round(share * 100)} %`)),
  };
}
