import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type StartedProcess, startProcess } from '../processes/child.ts';
import { createFolder, rootFolder } from '../processes/folders.ts';

export interface RuntapeServer extends StartedProcess {
  folder: string;
}

export interface RuntapeOptions {
  modelUrl: string;
  /** Without it, the server gets a new folder, which is removed when the server stops. */
  folder?: string;
  environment?: Record<string, string>;
  /** More settings of the configuration file. */
  configuration?: Record<string, unknown>;
  hasDiagnostics?: boolean;
}

/** Starts the built server by its command line, with the configuration that a user would write, on a SQLite file. */
export async function startRuntape(options: RuntapeOptions): Promise<RuntapeServer> {
  const ownFolder = options.folder === undefined ? createFolder() : null;
  const folder = options.folder ?? ownFolder?.path ?? '';
  mkdirSync(join(folder, 'workspace'), { recursive: true });
  const bench = { provider: 'openai-compatible', baseURL: options.modelUrl, model: 'bench', contextTokens: 32_000 };
  const configuration = {
    defaultModel: 'bench',
    models: { bench },
    files: { root: join(folder, 'workspace') },
    ...options.configuration,
  };
  writeFileSync(join(folder, 'runtape.config.json'), JSON.stringify(configuration));
  const server = await startProcess({
    script: join(rootFolder, 'dist/main.js'),
    parameters: ['serve'],
    folder,
    hasDiagnostics: options.hasDiagnostics,
    environment: { PORT: '0', DATABASE_URL: `file:${join(folder, 'runtape.db')}`, ...options.environment },
  });
  return {
    ...server,
    folder,
    async stop(signal) {
      await server.stop(signal);
      ownFolder?.remove();
    },
  };
}
