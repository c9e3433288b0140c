import type { Configuration } from '../../config/configuration.ts';
import { createLogger } from '../../logger.ts';
import { startGateway } from '../gateway.ts';

/** Serves until a signal ends it; a second signal ends it at once. Throws a StartError. */
export async function serveCommand(configuration: Configuration): Promise<void> {
  const logger = createLogger(configuration.logLevel);
  const gateway = await startGateway(configuration, logger);
  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) process.exit(1);
    stopping = true;
    logger.info({ event: 'stopping', signal }, 'Runtape finishes the steps under way');
    gateway.close().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, 'Runtape did not stop cleanly');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // Last: whoever reads this line may stop the server from now on.
  logger.info({ event: 'listening', url: gateway.url }, 'Runtape is listening');
}
