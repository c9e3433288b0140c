import { systemClock } from '../../clock.ts';
import type { Configuration } from '../../config/configuration.ts';
import { createLogger, type Logger } from '../../logger.ts';
import { type Gateway, startGateway } from '../gateway.ts';
import { withStoreFailures } from './store-failure.ts';

/** npm passes on a signal that the server has received from the terminal too. */
const SAME_SIGNAL_MILLISECONDS = 500;

/** Serves until the first SIGTERM or SIGINT; a second one ends the process at once. Throws a StartError. */
export async function serveCommand(configuration: Configuration): Promise<void> {
  const logger = createLogger(configuration.logLevel);
  const gateway = await withStoreFailures(configuration.databaseUrl, () => startGateway(configuration, logger));
  let stoppedAt: number | null = null;
  const stop = (signal: NodeJS.Signals) => {
    if (stoppedAt !== null) {
      if (systemClock.elapsed() - stoppedAt < SAME_SIGNAL_MILLISECONDS) return;
      process.exit(1);
    }
    stoppedAt = systemClock.elapsed();
    logger.info({ event: 'stopping', signal }, 'Runtape finishes the steps that are running, then stops');
    // A person who presses Ctrl-C waits for no load balancer.
    gateway.close(undefined, signal === 'SIGTERM' ? configuration.drainSeconds : 0).then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, 'Runtape did not stop cleanly');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  const { policyFile } = configuration.file;
  // Without a policy file SIGHUP keeps its default effect and ends the process.
  if (policyFile !== undefined) process.on('SIGHUP', () => reloadPolicy(gateway, logger, policyFile));
  // Logged last: a process manager that reads this line may send a signal from then on.
  const page = new URL('/', gateway.url).href;
  logger.info({ event: 'listening', url: gateway.url, page }, `Runtape is listening. Open ${page}`);
}

function reloadPolicy(gateway: Gateway, logger: Logger, policyFile: string): void {
  const outcome = gateway.reloadPolicy();
  if (outcome.ok) logger.info({ event: 'policy-reloaded', policyFile }, 'The policy file was reloaded');
  else
    logger.error(
      { event: 'policy-kept', problems: outcome.problems },
      'The policy file has problems; the previous policy stays in effect',
    );
}
