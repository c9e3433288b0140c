import { MessageChannel } from 'node:worker_threads';
import { systemClock } from '../../clock.ts';
import type { ConfigurationOutcome } from '../../config/configuration.ts';
import { escapeDeceptive } from '../../domain/visible-text.ts';
import { createLogger } from '../../logger.ts';
import { diagnose } from '../doctor/diagnose.ts';
import { freeBytesOf } from '../doctor/machine-checks.ts';
import { redactSecrets } from '../doctor/redact-secrets.ts';

/** Prints a line for each check. The exit code is 1 if something is wrong. */
export async function doctorCommand(
  outcome: ConfigurationOutcome,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  // The timers of the clock do not keep the process running.
  const running = new MessageChannel();
  running.port1.on('message', () => undefined);
  const findings = await diagnose(outcome, {
    clock: systemClock,
    environment,
    logger: createLogger('silent'),
    nodeVersion: process.versions.node,
    freeBytes: freeBytesOf,
  });
  running.port1.close();
  const width = Math.max(...findings.map(({ subject }) => subject.length));
  for (const { subject, isProblem, text } of findings) {
    const line = redactSecrets(text, outcome.ok ? outcome.configuration : null, environment);
    // What other programs answered must not control the terminal.
    process.stdout.write(escapeDeceptive(`${isProblem ? 'problem' : 'ok     '}  ${subject.padEnd(width)}  ${line}`));
    process.stdout.write('\n');
  }
  const problems = findings.filter(({ isProblem }) => isProblem).length;
  if (!outcome.ok) process.stdout.write('The other checks need a valid configuration.\n');
  process.stdout.write(`${findings.length} checks, ${problems === 1 ? '1 problem' : `${problems} problems`}\n`);
  if (problems > 0) process.exitCode = 1;
}
