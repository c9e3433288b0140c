import { systemClock } from '../../clock.ts';
import type { Configuration, ConfigurationOutcome } from '../../config/configuration.ts';
import { createLogger, type Logger } from '../../logger.ts';
import { combineReloads } from '../combined-reloads.ts';
import { type Gateway, startGateway } from '../gateway.ts';
import { withStoreFailures } from './store-failure.ts';

/** npm passes on a signal that the server has received from the terminal too. */
const SAME_SIGNAL_MILLISECONDS = 500;

/**
 * Serves until the first SIGTERM or SIGINT; a second one ends the process at once. SIGHUP reads the configuration again.
 * Throws a StartError.
 *
 * @param readAgain reads the configuration; null if there is no file, so that SIGHUP keeps its default effect: a server that was
 *   started in a terminal ends with it
 */
export async function serveCommand(
  configuration: Configuration,
  readAgain: (() => ConfigurationOutcome) | null,
): Promise<void> {
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
  void gateway.parts.database.superseded.then((problem) => {
    logger.fatal({ event: 'superseded' }, problem);
    return gateway.close(0).finally(() => process.exit(1));
  });
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  if (readAgain) {
    process.on(
      'SIGHUP',
      combineReloads(() => reload(gateway, logger, readAgain), systemClock),
    );
  }
  // Logged last: a process manager that reads this line may send a signal from then on.
  const page = new URL('/', gateway.url).href;
  logger.info({ event: 'listening', url: gateway.url, page }, `Runtape is listening. Open ${page}`);
}

/** Never rejects. */
async function reload(gateway: Gateway, logger: Logger, readAgain: () => ConfigurationOutcome): Promise<void> {
  try {
    const read = readAgain();
    const outcome = read.ok ? await gateway.reload(read.configuration) : read;
    if (!outcome.ok) {
      const { problems } = outcome;
      const message = 'The configuration has problems; the previous one stays in effect';
      logger.error({ event: 'configuration-kept', problems }, message);
      return;
    }
    const { reloaded, needRestart, revoked } = outcome;
    const message = 'The configuration was reloaded';
    logger.info({ event: 'configuration-reloaded', reloaded, revokedConnections: revoked }, message);
    if (needRestart.length > 0) {
      logger.warn({ event: 'restart-needed', needRestart }, 'These changes take effect when the server is restarted');
    }
  } catch (error) {
    logger.error(
      { err: error, event: 'configuration-kept' },
      'The reload failed; the previous configuration stays in effect',
    );
  }
}
