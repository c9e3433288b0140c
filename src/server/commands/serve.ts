import type { Configuration } from '../../config/configuration.ts';
import { createLogger, type Logger } from '../../logger.ts';
import { type Gateway, startGateway } from '../gateway.ts';

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
  const { policyFile } = configuration.file;
  // Without a file there is nothing to read again, and the signal ends the process as it always does.
  if (policyFile !== undefined) process.on('SIGHUP', () => reloadPolicy(gateway, logger, policyFile));
  // Last: whoever reads this line may stop the server from now on.
  logger.info({ event: 'listening', url: gateway.url }, 'Runtape is listening');
}

function reloadPolicy(gateway: Gateway, logger: Logger, policyFile: string): void {
  const outcome = gateway.reloadPolicy();
  if (outcome.ok) logger.info({ event: 'policy-reloaded', policyFile }, 'The policy was read again');
  else logger.error({ event: 'policy-kept', problems: outcome.problems }, 'The policy stays as it was');
}
