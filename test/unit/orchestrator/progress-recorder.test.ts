import { describe, expect, test } from 'vitest';
import { createProgressRecorder } from '../../../src/orchestrator/step/progress-recorder.ts';
import type { ProgressReport } from '../../../src/tools/tool.ts';
import { createFakeClock } from '../fake-clock.ts';

const report = (progress: number, more: Partial<ProgressReport> = {}): ProgressReport => ({
  progress,
  total: null,
  message: null,
  ...more,
});

function recording(record: (report: ProgressReport) => Promise<void> = () => Promise.resolve()) {
  const clock = createFakeClock();
  const recorded: ProgressReport[] = [];
  const lost: unknown[] = [];
  const reports = createProgressRecorder({
    clock,
    record(taken) {
      recorded.push(taken);
      return record(taken);
    },
    onLost: (error) => void lost.push(error),
  });
  return { clock, recorded, lost, reports, values: () => recorded.map(({ progress }) => progress) };
}

describe('what a tool reports', () => {
  test('is recorded at once, and then once a second with the newest value', async () => {
    const { clock, reports, values } = recording();
    reports.take(report(1));
    expect(values()).toEqual([1]);
    for (const progress of [2, 3, 4]) reports.take(report(progress));
    await clock.advance(999);
    expect(values()).toEqual([1]);
    await clock.advance(1);
    expect(values()).toEqual([1, 4]);
    await clock.advance(5000);
    expect(values()).toEqual([1, 4]);
    reports.take(report(5));
    expect(values()).toEqual([1, 4, 5]);
  });

  test('comes to sixty events at the most', async () => {
    const { clock, reports, values } = recording();
    for (let progress = 0; progress < 1000; progress += 1) {
      reports.take(report(progress));
      await clock.advance(100);
    }
    expect(values()).toHaveLength(60);
    expect(values().slice(0, 3)).toEqual([0, 9, 19]);
    await clock.advance(60_000);
    expect(values()).toHaveLength(60);
    expect(clock.pending()).toBe(0);
  });

  test('is dropped once the call is over, and nothing is left behind', async () => {
    const { clock, reports, values } = recording();
    reports.take(report(1));
    reports.take(report(2));
    reports.end();
    reports.take(report(3));
    await clock.advance(10_000);
    expect(values()).toEqual([1]);
    expect(clock.pending()).toBe(0);
  });

  test('waits for a store that is slow, one event at a time', async () => {
    let finish = () => {};
    const slow = () => new Promise<void>((resolve) => (finish = resolve));
    const { clock, reports, values } = recording(slow);
    reports.take(report(1));
    reports.take(report(2));
    await clock.advance(30_000);
    expect(values()).toEqual([1]);
    finish();
    await clock.advance(0);
    expect(values()).toEqual([1, 2]);
  });

  test('is lost where the store fails, and the next is tried', async () => {
    const failure = new Error('full');
    const { clock, reports, lost, values } = recording(() => Promise.reject(failure));
    reports.take(report(1));
    reports.take(report(2));
    await clock.advance(1000);
    expect(values()).toEqual([1, 2]);
    expect(lost).toEqual([failure, failure]);
  });

  test('has finite numbers, or is none', () => {
    const { reports, recorded } = recording();
    reports.take(report(Number.NaN));
    reports.take(report(Number.POSITIVE_INFINITY));
    reports.take(report(0.5, { total: Number.POSITIVE_INFINITY }));
    expect(recorded).toEqual([report(0.5)]);
  });
});

describe('a message', () => {
  const recordedText = (message: string) => {
    const { reports, recorded } = recording();
    reports.take(report(1, { message }));
    reports.end();
    return recorded[0]?.message;
  };
  const key = `sk-ant-api03-${'aB3dE5gH7j'.repeat(9)}AA`;

  test('B61: is masked as outputs are, where a credential reaches beyond the cut too', () => {
    expect(recordedText(`copying with ${key} now`)).toMatch(/^copying with \[masked [a-z ]+\] now$/);
    const late = recordedText(`${'x'.repeat(480)} ${key}`);
    expect(late).toContain('[masked');
    expect(late).not.toContain('sk-ant');
  });

  test('is cut to a line, in whole characters that every store takes', () => {
    expect(recordedText('y'.repeat(8_000_000))).toBe('y'.repeat(500));
    expect(recordedText(`${'z'.repeat(499)}😀`)).toBe('z'.repeat(499));
    expect(recordedText('a\0b\ud800')).toBe('a\ufffdb\ufffd');
  });
});

test('a total that is no number, or is infinite, is unknown', async () => {
  const { reports, recorded, clock } = recording();
  for (const total of [Number.POSITIVE_INFINITY, Number.NaN, 5, null]) {
    reports.take(report(1, { total }));
    await clock.advance(1000);
  }
  expect(recorded.map(({ total }) => total)).toEqual([null, null, 5, null]);
});
