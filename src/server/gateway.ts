import type { Configuration } from '../config/configuration.ts';
import * as limits from '../config/limits.ts';
import type { Logger } from '../logger.ts';
import { openParts, type PartOverrides, type Parts } from './parts.ts';
import type { ReloadOutcome } from './reload.ts';
import { createResources } from './resources.ts';
import { serve } from './serve.ts';
import { builtConsole } from './transport/console-files.ts';

/** What a test replaces. */
export interface Overrides extends PartOverrides {
  httpAccelerator?: boolean;
  /** Folder of the built console, or null. */
  consoleFolder?: string | null;
}

export interface Gateway extends AsyncDisposable {
  /** Address of GraphQL over HTTP. */
  url: string;
  /** For tests and the commands of the command line. */
  parts: Parts;
  /**
   * Replaces the configuration in effect, as a whole or not at all, and reads the policy file again. Ignores what was read from the
   * environment. Runs keep the models, limits and budgets that they have until they end or wait.
   */
  reload(configuration: Configuration): Promise<ReloadOutcome>;
  /**
   * Lets steps in progress finish within the grace time, releases their runs, and closes everything.
   * @param drainSeconds time in which requests are still answered while `/readyz` says that the server stops; 0 by default
   */
  close(graceSeconds?: number, drainSeconds?: number): Promise<void>;
}

/**
 * Opens the store, serves, and takes up unfinished runs. Rejects with a StartError that says what to do; everything that was
 * opened by then is closed.
 */
export async function startGateway(
  configuration: Configuration,
  logger: Logger,
  overrides: Overrides = {},
): Promise<Gateway> {
  const resources = createResources();
  try {
    const parts = await openParts(configuration, logger, overrides, resources);
    const { orchestrator, mcpServers } = parts;
    const { httpAccelerator = true, consoleFolder = configuration.file.console ? builtConsole : null } = overrides;
    const server = await serve(configuration, { ...parts, httpAccelerator, consoleFolder });
    resources.add(server.close);
    mcpServers.start();
    orchestrator.start();
    const close = async (graceSeconds: number, drainSeconds: number) => {
      await Promise.all([server.drain(drainSeconds), orchestrator.stop(graceSeconds * 1000), parts.reload.stop()]);
      await resources.close();
    };
    let closing: Promise<void> | null = null;
    const closeOnce = (graceSeconds: number, drainSeconds = 0) => {
      closing ??= close(graceSeconds, drainSeconds);
      return closing;
    };
    return {
      url: server.url,
      parts,
      reload: ({ file }) => parts.reload.run(file),
      close: (graceSeconds = limits.SHUTDOWN_GRACE_SECONDS, drainSeconds = 0) => closeOnce(graceSeconds, drainSeconds),
      [Symbol.asyncDispose]: () => closeOnce(0),
    };
  } catch (error) {
    // The error that stopped the start matters more than one that follows from it.
    await resources.close().catch((closeError: unknown) => logger.warn({ err: closeError }, 'closing failed'));
    throw error;
  }
}
