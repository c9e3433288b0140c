import { describe, onTestFinished } from 'vitest';
import { appendContract } from './append.contract.ts';
import { readContract } from './read.contract.ts';
import { sharedCommitContract } from './shared-commit.contract.ts';
import type { OpenSubject, Start } from './subject.ts';

/** The promises of `Journal`, which every adapter must keep. */
export function journalContract(name: string, open: OpenSubject): void {
  const start: Start = async (onCommitted = () => undefined) => {
    const subject = await open(onCommitted);
    onTestFinished(() => subject.close());
    return subject;
  };
  describe(name, () => {
    appendContract(start);
    sharedCommitContract(start);
    readContract(start);
  });
}
