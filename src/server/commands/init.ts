import { copyFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileSchema } from '../../config/configuration.ts';
import { StartError } from '../../config/start-error.ts';

const schemaFile = join(dirname(createRequire(import.meta.url).resolve('#package.json')), 'schema/config.schema.json');

/**
 * Writes a configuration file, and beside it the JSON Schema that explains its keys in editors. The file changes nothing: its values
 * are the defaults. Replaces an older schema. Throws a StartError if the file exists, or if one of the two cannot be written.
 */
export async function initCommand(path: string): Promise<void> {
  const schemaPath = `${path.slice(0, path.length - extname(path).length)}.schema.json`;
  const { defaultModel, models, mcpServers, approvals, limits, auth } = fileSchema.parse({});
  const { expiresAfterSeconds, onExpiry } = approvals;
  const { maxSteps, maxToolCalls, runSeconds } = limits;
  const content = {
    $schema: `./${schemaPath.slice(dirname(schemaPath).length).replace(/^[\\/]/, '')}`,
    defaultModel,
    models,
    mcpServers,
    approvals: { expiresAfterSeconds, onExpiry },
    limits: { maxSteps, maxToolCalls, runSeconds },
    auth,
  };
  await create(path, () => writeFile(path, `${JSON.stringify(content, null, 2)}\n`, { flag: 'wx' }));
  await create(schemaPath, () => copyFile(schemaFile, schemaPath));
  process.stdout.write(
    `Wrote ${path} with the defaults of the most used keys, and ${schemaPath}: editors complete every key from it.\n` +
      'To use a model that runs on this machine, for example, set\n\n' +
      '  "defaultModel": "local",\n' +
      '  "models": {\n' +
      '    "local": { "provider": "openai-compatible", "baseURL": "http://127.0.0.1:11434/v1", "model": "qwen3:8b" }\n' +
      '  }\n\n' +
      'Then `runtape doctor` checks the configuration and what it names, and `runtape` serves.\n',
  );
}

async function create(path: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') {
      throw new StartError(
        `${path} exists, and nothing was changed. Delete it, or name another file in RUNTAPE_CONFIG.`,
      );
    }
    throw new StartError(`${path} cannot be written: ${reason}. Check the path and its permissions.`, error);
  }
}
