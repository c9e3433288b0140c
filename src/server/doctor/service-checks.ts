import { join } from 'node:path';
import type { Clock } from '../../clock.ts';
import type { Configuration } from '../../config/configuration.ts';
import * as limits from '../../config/limits.ts';
import { type ModelEntry, SCRIPTED_MODEL } from '../../config/model-config.ts';
import { StartError } from '../../config/start-error.ts';
import type { Logger } from '../../logger.ts';
import type { CatalogueEntry } from '../../models/catalogue.ts';
import { createCatalogue } from '../../models/create-catalogue.ts';
import { ModelError } from '../../models/model.ts';
import type { McpServerStatus } from '../../tools/mcp/mcp-server.ts';
import { attachmentsFolder, openBlobStore } from '../attachment-storage.ts';
import { counted } from '../counted.ts';
import { openMcpServers } from '../mcp-servers.ts';
import { openEmbedder } from '../semantic-search.ts';
import { version } from '../version.ts';
import { type Finding, findingOf, fine, problem, sentence, withinSeconds } from './finding.ts';
import { checkWritable } from './folders.ts';

export interface Surroundings {
  clock: Clock;
  environment: Readonly<Record<string, string | undefined>>;
  logger: Logger;
}

/** Sends one short request to every configured model. */
export async function checkModels({ file }: Configuration, surroundings: Surroundings): Promise<Finding[]> {
  const models = Object.entries(file.models);
  if (models.length === 0) return [fine('models', `Only the offline model "${SCRIPTED_MODEL}" is configured`)];
  return (await Promise.all(models.map(([name, entry]) => checkModel(name, entry, surroundings)))).flat();
}

async function checkModel(name: string, entry: ModelEntry, surroundings: Surroundings): Promise<Finding[]> {
  const { clock, environment } = surroundings;
  const subject = `model "${name}"`;
  // A fallback would answer in its place.
  const models = { [name]: { ...entry, fallbacks: [] } };
  const config = { defaultModel: SCRIPTED_MODEL, models };
  const created = await createCatalogue(config, { clock, random: Math.random, env: environment });
  if (!created.ok) return created.issues.map(({ path, message }) => problem(subject, `${path.join('.')}: ${message}`));
  await using catalogue = created.catalogue;
  return await findingOf(subject, `Check models.${name}, and that its provider can be reached from here.`, async () => {
    try {
      await withinSeconds(clock, limits.DOCTOR_ANSWER_SECONDS, (signal) => ask(catalogue.find(name), signal));
      return 'It answers';
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      throw new StartError(`${error.message} ${adviceOn(error, name)}`, error);
    }
  });
}

async function ask(entry: CatalogueEntry | null, signal: AbortSignal): Promise<void> {
  const messages = [{ role: 'user' as const, text: 'Reply with the word OK.' }];
  const request = { instructions: '', messages, tools: [], maxOutputTokens: limits.DOCTOR_OUTPUT_TOKENS };
  await entry?.model.stream(request, { text: () => undefined, thought: () => undefined }, signal);
}

function adviceOn({ code }: ModelError, name: string): string {
  const path = `models.${name}`;
  switch (code) {
    case 'MODEL_AUTH':
      return `Check the key in the environment variable that ${path}.apiKeyEnv names.`;
    case 'MODEL_REFUSED':
      return `Check ${path}.model and ${path}.options.`;
    default:
      return `Check ${path}.baseURL, and that the provider is running and can be reached from here.`;
  }
}

/** Computes the vector of one word. */
export async function checkEmbeddings(configuration: Configuration, surroundings: Surroundings): Promise<Finding[]> {
  const { clock, environment } = surroundings;
  const embedder = await openEmbedder(configuration, clock, environment);
  if (!embedder) return [];
  const timeoutSeconds = limits.DOCTOR_ANSWER_SECONDS;
  const advice = 'Check embeddings.baseURL, embeddings.model and the key that embeddings.apiKeyEnv names.';
  try {
    return await findingOf('embeddings', advice, () =>
      withinSeconds(clock, timeoutSeconds, async (signal) => {
        const { vectors } = await embedder.embed(['OK'], { signal, timeoutSeconds });
        return `The model answers with ${vectors[0]?.length ?? 0} numbers`;
      }),
    );
  } finally {
    await embedder[Symbol.asyncDispose]();
  }
}

const POLL_MILLISECONDS = 50;

/** Starts every MCP server, lists its tools and stops it. */
export async function checkMcpServers({ file }: Configuration, surroundings: Surroundings): Promise<Finding[]> {
  const { clock, logger } = surroundings;
  const servers = await openMcpServers(file.mcpServers, { clock, random: Math.random, log: logger, version });
  try {
    servers.start();
    const deadline = clock.elapsed() + limits.DOCTOR_MCP_SECONDS * 1000;
    const isStarting = () => servers.statuses().some(({ state }) => state === 'STARTING');
    while (isStarting() && clock.elapsed() < deadline) await clock.sleep(POLL_MILLISECONDS);
    return servers.statuses().map((status) => findingOnServer(status));
  } finally {
    await servers.close();
  }
}

function findingOnServer({ name, state, tools, lastError }: McpServerStatus): Finding {
  const subject = `MCP server "${name}"`;
  const entry = `mcpServers.${name}`;
  switch (state) {
    case 'READY':
      return fine(subject, `It is ready and has ${counted(tools.length, 'tool')}`);
    case 'DISABLED':
      return lastError === null ? fine(subject, 'It is disabled') : problem(subject, lastError);
    case 'STARTING':
      return problem(
        subject,
        `It did not list its tools within ${limits.DOCTOR_MCP_SECONDS} seconds. Start it by hand to see why, or check ${entry}.url.`,
      );
    case 'RESTARTING':
      return problem(subject, `${sentence(lastError ?? 'It ended')} Check command, args, env or url of ${entry}.`);
    default:
      return state satisfies never;
  }
}

/** Fetches the key set of the identity provider. */
export async function checkIdentityProvider({ file: { auth } }: Configuration, clock: Clock): Promise<Finding[]> {
  if (auth.mode !== 'jwt' || auth.jwksUrl === undefined) return [];
  const { jwksUrl } = auth;
  const advice = 'Check auth.jwksUrl, and that the identity provider can be reached from here.';
  return findingOf('identity provider', advice, () =>
    withinSeconds(clock, limits.DOCTOR_ANSWER_SECONDS, async (signal) => {
      const response = await fetch(jwksUrl, { signal });
      const body: unknown = await response.json().catch(() => null);
      if (typeof body !== 'object' || body === null || !('keys' in body) || !Array.isArray(body.keys)) {
        throw new Error(`It answers with status ${response.status} and no key set`);
      }
      return `It has ${counted(body.keys.length, 'key')}`;
    }),
  );
}

/** Reads an object that does not exist, or checks that the folder can be written. */
export async function checkAttachments(configuration: Configuration, surroundings: Surroundings): Promise<Finding[]> {
  const { clock, environment } = surroundings;
  const folder = attachmentsFolder(configuration);
  const { s3 } = configuration.file.attachments;
  const advice =
    'Check attachments.s3, the access key, that the bucket exists, and that the store can be reached from here.';
  return findingOf('attachments', advice, async () => {
    checkWritable(folder);
    if (!s3) return `They are stored in ${folder}`;
    const blobs = await openBlobStore(configuration, join(folder, 'stored'), environment);
    await withinSeconds(clock, limits.DOCTOR_ANSWER_SECONDS, () => blobs.read('doctor'));
    return `The object store with the bucket ${s3.bucket} answers`;
  });
}
