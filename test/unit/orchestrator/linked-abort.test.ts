import { describe, expect, it } from 'vitest';
import { linkedAbort } from '../../../src/orchestrator/linked-abort.ts';

describe('a linked signal', () => {
  it('aborts with the other one, for the same reason', () => {
    const other = new AbortController();
    const { signal } = linkedAbort(other.signal);
    expect(signal.aborted).toBe(false);
    other.abort('shutdown');
    expect(signal.reason).toBe('shutdown');
  });

  it('is aborted from the start if the other one is', () => {
    expect(linkedAbort(AbortSignal.abort('ended')).signal.reason).toBe('ended');
  });

  it('aborts alone, and keeps its reason', () => {
    const other = new AbortController();
    const { signal, abort } = linkedAbort(other.signal);
    abort('deadline');
    other.abort('shutdown');
    expect(signal.reason).toBe('deadline');
  });

  it('does not abort after it was unlinked', () => {
    const other = new AbortController();
    const { signal, unlink } = linkedAbort(other.signal);
    unlink();
    other.abort('shutdown');
    expect(signal.aborted).toBe(false);
  });
});
