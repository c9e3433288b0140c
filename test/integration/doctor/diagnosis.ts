import { systemClock } from '../../../src/clock.ts';
import { readConfiguration } from '../../../src/config/configuration.ts';
import { createLogger } from '../../../src/logger.ts';
import { diagnose, type Machine } from '../../../src/server/doctor/diagnose.ts';
import type { Finding } from '../../../src/server/doctor/finding.ts';

const healthy: Machine = {
  clock: systemClock,
  environment: {},
  logger: createLogger('silent'),
  nodeVersion: '22.11.0',
  freeBytes: async () => 100 * 1024 ** 3,
};

/** What `doctor` finds with this environment and configuration file, on a healthy machine unless the test changes it. */
export function diagnosisOf(
  environment: Record<string, string>,
  file: unknown = {},
  machine: Partial<Machine> = {},
): Promise<Finding[]> {
  const outcome = readConfiguration({ PORT: '0', ...environment }, () => JSON.stringify(file));
  return diagnose(outcome, { ...healthy, environment, ...machine });
}

export function problemsIn(findings: readonly Finding[]): string[] {
  return findings.filter(({ isProblem }) => isProblem).map(({ subject, text }) => `${subject}: ${text}`);
}
