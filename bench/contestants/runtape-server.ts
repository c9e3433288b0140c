import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Started, start } from '../processes/child.ts';
import { makeFolder, rootFolder } from '../processes/places.ts';

export interface RuntapeServer extends Started {
  folder: string;
}

export interface RuntapeOptions {
  modelUrl: string;
  /** An own one is made, and removed with the server, where none is named. */
  folder?: string;
  environment?: Record<string, string>;
  /** More of the configuration file. */
  configuration?: Record<string, unknown>;
}

/** The built server, by its own command line, with the configuration that a user would write, on a SQLite file of its own. */
export async function startRuntape(options: RuntapeOptions): Promise<RuntapeServer> {
  const own = options.folder === undefined ? makeFolder() : null;
  const folder = options.folder ?? own?.path ?? '';
  mkdirSync(join(folder, 'workspace'), { recursive: true });
  const bench = { provider: 'openai-compatible', baseURL: options.modelUrl, model: 'bench', contextTokens: 32_000 };
  const configuration = {
    defaultModel: 'bench',
    models: { bench },
    files: { root: join(folder, 'workspace') },
    ...options.configuration,
  };
  writeFileSync(join(folder, 'runtape.config.json'), JSON.stringify(configuration));
  const started = await start({
    script: join(rootFolder, 'dist/main.js'),
    parameters: ['serve'],
    folder,
    environment: { PORT: '0', DATABASE_URL: `file:${join(folder, 'runtape.db')}`, ...options.environment },
  });
  return {
    ...started,
    folder,
    async stop(signal) {
      await started.stop(signal);
      own?.remove();
    },
  };
}
