import { describe, onTestFinished } from 'vitest';
import { appendContract } from './append.contract.ts';
import { neighbourContract } from './neighbour.contract.ts';
import { readContract } from './read.contract.ts';
import type { OpenSubject, Start } from './subject.ts';

/** What every journal promises. Each adapter is held to all of it. */
export function journalContract(name: string, open: OpenSubject): void {
  const start: Start = async (onRecorded = () => undefined) => {
    const subject = await open(onRecorded);
    onTestFinished(() => subject.close());
    return subject;
  };
  describe(name, () => {
    appendContract(start);
    neighbourContract(start);
    readContract(start);
  });
}
