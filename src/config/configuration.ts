import { z } from 'zod';
import { accessConfigSchema, checkAccess, checkSeparateApprover } from './access-config.ts';
import { agentsConfigSchema, checkAgents } from './agents-config.ts';
import { attachmentsConfigSchema, checkAttachments } from './attachments-config.ts';
import { budgetsConfigSchema, checkAskingBudgets, checkBudgets } from './budget-config.ts';
import { type ConfigurationIssue, explainIssue, formatIssue, independentIssues } from './configuration-issue.ts';
import * as limits from './limits.ts';
import { checkEmbeddings, checkModels, embeddingsConfigSchema, modelsConfigSchema } from './model-config.ts';
import { observationConfigSchema } from './observation-config.ts';
import { checkRetention, storageConfigSchema } from './storage-config.ts';
import { substituteMcpServers, toolsConfigSchema } from './tools-config.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export const fileSchema = z.strictObject({
  /** Where editors find the JSON Schema of the file. */
  $schema: z.string().optional(),
  ...modelsConfigSchema.shape,
  ...embeddingsConfigSchema.shape,
  ...toolsConfigSchema.shape,
  ...accessConfigSchema.shape,
  ...budgetsConfigSchema.shape,
  ...attachmentsConfigSchema.shape,
  ...agentsConfigSchema.shape,
  ...storageConfigSchema.shape,
  ...observationConfigSchema.shape,
  /** Path of a file of Cedar policies that replaces the built-in policy. */
  policyFile: z.string().min(1).optional(),
  approvals: z
    .strictObject({
      expiresAfterSeconds: z.int().positive().default(limits.APPROVAL_EXPIRY_SECONDS),
      onExpiry: z.enum(['deny', 'fail']).default('deny'),
      separateApprover: z.boolean().default(false),
      quarantineChangedTools: z.boolean().default(true),
    })
    .prefault({}),
  activity: z
    .strictObject({
      retentionDays: z.int().positive().max(limits.MAX_ACTIVITY_RETENTION_DAYS).default(limits.ACTIVITY_RETENTION_DAYS),
    })
    .prefault({}),
  limits: z
    .strictObject({
      maxSteps: z.int().positive().default(limits.MAX_STEPS),
      maxToolCalls: z.int().positive().default(limits.MAX_TOOL_CALLS),
      runSeconds: z.number().positive().default(limits.RUN_SECONDS),
      maxTokens: z.int().positive().default(limits.RUN_TOKENS),
      maxCost: z.number().positive().nullable().default(null),
      answerBytes: z.int().positive().max(limits.MAX_ANSWER_BYTES).default(limits.ANSWER_BYTES),
      agentVersions: z.int().positive().default(limits.AGENT_VERSIONS),
      queueLength: z.int().positive().default(limits.QUEUED_MESSAGES),
      countedItems: z.int().positive().default(limits.COUNTED_ITEMS),
    })
    .prefault({}),
});

export type FileConfiguration = z.infer<typeof fileSchema>;

function wholeNumber(least: number, most: number) {
  const error = `must be a whole number from ${least} to ${most}`;
  return z.coerce.number(error).int(error).min(least, error).max(most, error);
}

/** Shows the scheme alone: the rest can hold a password. */
function databaseUrlError(url: string): string {
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0];
  const actual = scheme === undefined ? '' : `, not "${scheme}"`;
  const examples = 'file:./data/runtape.db or postgres://user:password@host:5432/runtape';
  return `must begin with "file:" or "postgres://"${actual}, for example ${examples}`;
}

const secretKeyError = 'must be 32 random bytes in base64. `openssl rand -base64 32` prints such a key';

const secretKeySchema = z
  .base64(secretKeyError)
  .transform((text) => Buffer.from(text, 'base64'))
  .refine(({ length }) => length === 32, secretKeyError)
  .optional();

export const environmentSchema = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: wholeNumber(0, 65_535).default(4000),
  DATABASE_URL: z
    .string()
    .regex(/^(file:.+|postgres(ql)?:\/\/.+)/, { error: ({ input }) => databaseUrlError(String(input)) })
    .default('file:./data/runtape.db'),
  RUNTAPE_CONFIG: z.string().default('./runtape.config.json'),
  RUNTAPE_DURABILITY: z.enum(['full', 'normal']).default('full'),
  RUNTAPE_MAX_CONCURRENT_RUNS: wholeNumber(1, 10_000).default(limits.MAX_CONCURRENT_RUNS),
  RUNTAPE_DATABASE_CONNECTIONS: wholeNumber(4, 1000).default(limits.DATABASE_CONNECTIONS),
  RUNTAPE_PREPARED_STATEMENTS: z.enum(['on', 'off']).default('on'),
  RUNTAPE_NOTIFY: z.enum(['on', 'off']).default('on'),
  RUNTAPE_LEASE_SECONDS: wholeNumber(1, 600).default(limits.LEASE_SECONDS),
  RUNTAPE_DRAIN_SECONDS: wholeNumber(0, 600).default(limits.DRAIN_SECONDS),
  RUNTAPE_SECRET_KEY: secretKeySchema,
  RUNTAPE_SIGNING_KEY: secretKeySchema,
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
});

/** Everything that an operator can set, checked and with defaults filled in. */
export interface Configuration {
  host: string;
  /** 0 lets the system choose a free port. */
  port: number;
  databaseUrl: string;
  durability: 'full' | 'normal';
  /** Connections of this server to Postgres, without the one that listens for notifications. */
  databaseConnections: number;
  /** Whether the connections to Postgres prepare statements. */
  preparedStatements: boolean;
  /** 32 bytes that encrypt credentials of tool inputs while a call waits. Null: they are kept in memory only. */
  secretKey: Uint8Array | null;
  /** 32 bytes, an Ed25519 key that signs heads of tapes and records of purges. Null: they are not signed. */
  signingKey: Uint8Array | null;
  /** Whether servers on one Postgres notify each other; if not, they poll. */
  notify: boolean;
  maxConcurrentRuns: number;
  leaseSeconds: number;
  /** Time between SIGTERM and closing the port. */
  drainSeconds: number;
  logLevel: string;
  /** Path of the configuration file, which need not exist. */
  configurationPath: string;
  file: FileConfiguration;
}

/** Problems are lines for the operator, environment variables first. */
export type ConfigurationOutcome = { ok: true; configuration: Configuration } | { ok: false; problems: string[] };

/**
 * Reads the environment and the configuration file, and reports all problems of both at once.
 *
 * @param readFile returns the text of the file, or null if it does not exist
 */
export function readConfiguration(
  environment: Environment,
  readFile: (path: string) => string | null,
): ConfigurationOutcome {
  const nonEmpty = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const variables = environmentSchema.safeParse(nonEmpty, { error: explainIssue });
  const variableIssues = independentIssues(variables.error?.issues ?? []);
  const host = environmentSchema.shape.HOST.parse(nonEmpty.HOST);
  const file = readConfigurationFile(environment, host, readFile);
  if (!variables.success || !file.ok) {
    const problems = variableIssues.map((issue) => formatIssue('', issue, nonEmpty));
    return { ok: false, problems: [...problems, ...(file.ok ? [] : file.problems)] };
  }
  const { data } = variables;
  return {
    ok: true,
    configuration: {
      host: data.HOST,
      port: data.PORT,
      databaseUrl: data.DATABASE_URL,
      durability: data.RUNTAPE_DURABILITY,
      databaseConnections: data.RUNTAPE_DATABASE_CONNECTIONS,
      preparedStatements: data.RUNTAPE_PREPARED_STATEMENTS === 'on',
      secretKey: data.RUNTAPE_SECRET_KEY ?? null,
      signingKey: data.RUNTAPE_SIGNING_KEY ?? null,
      notify: data.RUNTAPE_NOTIFY === 'on',
      maxConcurrentRuns: data.RUNTAPE_MAX_CONCURRENT_RUNS,
      leaseSeconds: data.RUNTAPE_LEASE_SECONDS,
      drainSeconds: data.RUNTAPE_DRAIN_SECONDS,
      logLevel: data.LOG_LEVEL,
      configurationPath: data.RUNTAPE_CONFIG,
      file: file.configuration,
    },
  };
}

/** The path of the configuration file, which need not exist. */
export function configurationPath(environment: Environment): string {
  return environment.RUNTAPE_CONFIG || environmentSchema.shape.RUNTAPE_CONFIG.def.defaultValue;
}

type FileOutcome = { ok: true; configuration: FileConfiguration } | { ok: false; problems: string[] };

function readConfigurationFile(
  environment: Environment,
  host: string,
  readFile: (path: string) => string | null,
): FileOutcome {
  const path = configurationPath(environment);
  let text: string | null;
  try {
    text = readFile(path);
  } catch (error) {
    return {
      ok: false,
      problems: [`${path} cannot be read: ${errorMessage(error)}. Check the path and its permissions`],
    };
  }
  if (text === null && environment.RUNTAPE_CONFIG) {
    const advice = 'Correct the path, or unset the variable to use ./runtape.config.json';
    return { ok: false, problems: [`RUNTAPE_CONFIG: the file ${path} does not exist. ${advice}`] };
  }
  let json: unknown;
  try {
    json = JSON.parse(text ?? '{}');
  } catch (error) {
    return { ok: false, problems: [`${path} is not valid JSON: ${errorMessage(error)}`] };
  }
  const substituted = substituteMcpServers(json, environment);
  const parsed = fileSchema.safeParse(substituted.file, { error: explainIssue });
  const found = [...(parsed.error?.issues ?? []), ...checkSections(substituted.file, parsed.data, environment, host)];
  const issues = independentIssues([...substituted.issues, ...found]);
  return parsed.success && issues.length === 0
    ? { ok: true, configuration: parsed.data }
    : { ok: false, problems: issues.map((issue) => formatIssue(path, issue, json)) };
}

const approverSchema = fileSchema.pick({ auth: true, approvals: true }).strip();

/** Problems that no key shows by itself. Each section is checked if it is valid on its own, so that all problems are reported at once. */
function checkSections(
  file: unknown,
  valid: FileConfiguration | undefined,
  environment: Environment,
  host: string,
): ConfigurationIssue[] {
  const section = <Section>(schema: z.ZodType<Section>) => valid ?? schema.safeParse(file).data;
  const embeddings = section(embeddingsConfigSchema);
  const access = section(accessConfigSchema);
  const attachments = section(attachmentsConfigSchema);
  const approver = section(approverSchema);
  const storage = section(storageConfigSchema);
  return [
    ...checkModels(file, environment),
    ...checkBudgets(file),
    ...checkAgents(file),
    ...checkAskingBudgets(file),
    ...(embeddings ? checkEmbeddings(embeddings, environment) : []),
    ...(access ? checkAccess(access, host) : []),
    ...(attachments ? checkAttachments(attachments, environment) : []),
    ...(storage ? checkRetention(storage) : []),
    ...(approver ? checkSeparateApprover(approver.auth, approver.approvals.separateApprover) : []),
  ];
}

function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
