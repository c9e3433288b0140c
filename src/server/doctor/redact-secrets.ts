import type { Configuration } from '../../config/configuration.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Shorter values are words such as `true`, which need no hiding. */
const MIN_SECRET_CHARACTERS = 6;

const secretName = /KEY|TOKEN|SECRET|PASSW|CREDENTIAL/i;

/**
 * Replaces every secret of the configuration and of the environment in a text: what other programs answer can repeat what they were
 * sent.
 */
export function redactSecrets(text: string, configuration: Configuration | null, environment: Environment): string {
  const secrets = [
    ...Object.entries(environment).flatMap(([name, value]) => (secretName.test(name) ? [value ?? ''] : [])),
    ...urlSecrets(environment.DATABASE_URL),
    ...(configuration === null ? [] : fileSecrets(configuration, environment)),
  ].filter((secret) => secret.length >= MIN_SECRET_CHARACTERS);
  // Longer ones first: a secret can contain another one.
  const ordered = [...new Set(secrets)].sort((left, right) => right.length - left.length);
  return ordered.reduce((result, secret) => result.replaceAll(secret, '…'), text);
}

function fileSecrets({ file, databaseUrl }: Configuration, environment: Environment): string[] {
  const remote = [...Object.values(file.models), ...(file.embeddings ? [file.embeddings] : [])];
  const models = remote.flatMap((entry) => [
    ...('headers' in entry ? Object.values(entry.headers) : []),
    ...('apiKeyEnv' in entry && entry.apiKeyEnv !== undefined ? [environment[entry.apiKeyEnv] ?? ''] : []),
    ...('baseURL' in entry ? urlSecrets(entry.baseURL) : []),
  ]);
  const servers = Object.values(file.mcpServers).flatMap(({ transport }) => {
    if (transport === null) return [];
    return transport.kind === 'http'
      ? [...Object.values(transport.headers), ...urlSecrets(transport.url)]
      : Object.values(transport.env);
  });
  const { s3 } = file.attachments;
  const store = s3 ? [environment[s3.accessKeyIdEnv] ?? '', environment[s3.secretAccessKeyEnv] ?? ''] : [];
  return [...models, ...servers, ...store, ...urlSecrets(databaseUrl)];
}

/** Password and query of a URL, as written and decoded. */
function urlSecrets(text: string | undefined): string[] {
  if (text === undefined || !URL.canParse(text)) return [];
  const { password, searchParams } = new URL(text);
  return [password, ...searchParams.values()].flatMap((value) => [value, decode(value)]);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
