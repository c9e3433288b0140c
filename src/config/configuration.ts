import { z } from 'zod';
import { accessConfigSchema, checkAccess, checkSeparateApprover } from './access-config.ts';
import { checkEmbeddings, embeddingsConfigSchema } from './embeddings-config.ts';
import * as limits from './limits.ts';
import { checkModels, modelsConfigSchema } from './model-config.ts';
import { policyConfigSchema } from './policy-config.ts';
import { fillMcpServers, toolsConfigSchema } from './tools-config.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const fileSchema = z
  .strictObject({
    ...modelsConfigSchema.shape,
    ...embeddingsConfigSchema.shape,
    ...toolsConfigSchema.shape,
    ...policyConfigSchema.shape,
    ...accessConfigSchema.shape,
    approvals: z
      .strictObject({
        expiresAfterSeconds: z.int().positive().default(limits.APPROVAL_EXPIRY_SECONDS),
        onExpiry: z.enum(['deny', 'fail']).default('deny'),
        separateApprover: z.boolean().default(false),
      })
      .prefault({}),
    limits: z
      .strictObject({
        maxSteps: z.int().positive().default(limits.MAX_STEPS),
        maxToolCalls: z.int().positive().default(limits.MAX_TOOL_CALLS),
        runSeconds: z.number().positive().default(limits.RUN_SECONDS),
        maxTokens: z.int().positive().default(limits.RUN_TOKENS),
        maxCost: z.number().positive().nullable().default(null),
        queueLength: z.int().positive().default(limits.QUEUE_LENGTH),
      })
      .prefault({}),
  })
  .strict();

export type FileConfiguration = z.infer<typeof fileSchema>;

const wholeNumber = (least: number, most: number) =>
  z.coerce
    .number('must be a number')
    .int('must be a whole number')
    .min(least, `must be at least ${least}`)
    .max(most, `must be at most ${most}`);

const environmentSchema = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: wholeNumber(0, 65535).default(4000),
  DATABASE_URL: z
    .string()
    .regex(
      /^(file:.+|postgres(ql)?:\/\/.+)/,
      'must begin with file: or postgres://, for example file:./data/runtape.db or postgres://user:password@host:5432/runtape',
    )
    .default('file:./data/runtape.db'),
  RUNTAPE_CONFIG: z.string().min(1).optional(),
  RUNTAPE_DURABILITY: z.enum(['full', 'normal']).default('full'),
  RUNTAPE_MAX_CONCURRENT_RUNS: wholeNumber(1, 10_000).default(limits.MAX_CONCURRENT_RUNS),
  RUNTAPE_DATABASE_CONNECTIONS: wholeNumber(2, 1000).default(limits.DATABASE_CONNECTIONS),
  RUNTAPE_NOTIFY: z.enum(['on', 'off']).default('on'),
  RUNTAPE_LEASE_SECONDS: wholeNumber(1, 600).default(limits.LEASE_SECONDS),
  RUNTAPE_SECRET_KEY: z
    .base64('must be 32 random bytes in base64: `openssl rand -base64 32` makes them')
    .transform((text) => Buffer.from(text, 'base64'))
    .refine(({ length }) => length === 32, 'must be 32 random bytes in base64: `openssl rand -base64 32` makes them')
    .optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
});

/** Everything that an operator can set, checked. */
export interface Configuration {
  host: string;
  port: number;
  databaseUrl: string;
  durability: 'full' | 'normal';
  /** To Postgres, at the same time. */
  databaseConnections: number;
  /** With which credentials of tool inputs are encrypted while their call waits; null where they are not stored. */
  secretKey: Uint8Array | null;
  /** Whether servers on one Postgres wake each other; without, they look. */
  notify: boolean;
  maxConcurrentRuns: number;
  leaseSeconds: number;
  logLevel: string;
  file: FileConfiguration;
}

export type ConfigurationOutcome = { ok: true; configuration: Configuration } | { ok: false; problems: string[] };

const DEFAULT_FILE = './runtape.config.json';

/**
 * Reads the environment and the configuration file; everything that is wrong with both is said at once.
 * @param readFile the file's text, or null where there is no such file
 */
export function readConfiguration(
  environment: Environment,
  readFile: (path: string) => string | null,
): ConfigurationOutcome {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const variables = environmentSchema.safeParse(given);
  const path = environment.RUNTAPE_CONFIG || DEFAULT_FILE;
  const file = parseFile(environment, path, readFile);
  if (!variables.success || !file.ok) {
    const ofVariables = variables.success ? [] : variables.error.issues.map((issue) => said('', issue));
    return { ok: false, problems: [...ofVariables, ...(file.ok ? [] : file.problems)] };
  }
  const { HOST, PORT, DATABASE_URL, LOG_LEVEL, ...own } = variables.data;
  const { auth, approvals } = file.configuration;
  const atDoor = [...checkAccess(file.configuration, HOST), ...checkSeparateApprover(auth, approvals.separateApprover)];
  if (atDoor.length > 0) return { ok: false, problems: atDoor.map((issue) => said(path, issue)) };
  return {
    ok: true,
    configuration: {
      host: HOST,
      port: PORT,
      databaseUrl: DATABASE_URL,
      logLevel: LOG_LEVEL,
      file: file.configuration,
      durability: own.RUNTAPE_DURABILITY,
      databaseConnections: own.RUNTAPE_DATABASE_CONNECTIONS,
      secretKey: own.RUNTAPE_SECRET_KEY ?? null,
      notify: own.RUNTAPE_NOTIFY === 'on',
      maxConcurrentRuns: own.RUNTAPE_MAX_CONCURRENT_RUNS,
      leaseSeconds: own.RUNTAPE_LEASE_SECONDS,
    },
  };
}

type ParsedFile = { ok: true; configuration: FileConfiguration } | { ok: false; problems: string[] };

function parseFile(environment: Environment, path: string, readFile: (path: string) => string | null): ParsedFile {
  let text: string | null;
  try {
    text = readFile(path);
  } catch (error) {
    return { ok: false, problems: [`${path} can not be read: ${error instanceof Error ? error.message : error}`] };
  }
  if (text === null && environment.RUNTAPE_CONFIG) {
    return { ok: false, problems: [`RUNTAPE_CONFIG names ${path}, and there is no such file`] };
  }
  let json: unknown;
  try {
    json = JSON.parse(text ?? '{}');
  } catch (error) {
    return { ok: false, problems: [`${path} is not JSON: ${error instanceof Error ? error.message : error}`] };
  }
  const filled = fillMcpServers(json, environment);
  const parsed = fileSchema.safeParse(filled.file);
  const found = parsed.success
    ? [...checkModels(parsed.data, environment), ...checkEmbeddings(parsed.data, environment)]
    : parsed.error.issues;
  const issues = [...filled.issues, ...found];
  return parsed.success && issues.length === 0
    ? { ok: true, configuration: parsed.data }
    : { ok: false, problems: issues.map((issue) => said(path, issue)) };
}

function said(file: string, { path, message }: { path: PropertyKey[]; message: string }): string {
  return [file, path.map(String).join('.'), message].filter((part) => part !== '').join(': ');
}
