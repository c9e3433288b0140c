import { z } from 'zod';

/** One problem in the configuration file or the environment. */
export interface ConfigurationIssue {
  /** Keys and indexes from the root of the file. */
  path: (string | number)[];
  /** Begins in lower case and does not repeat the path. Where it begins with `must be`, `formatIssue` adds the value. */
  message: string;
}

const UNKNOWN_KEY = 'unknown key';
const SHOWN_CHARACTERS = 80;
/** Values under these keys can hold credentials, so messages never show them. */
const secretKeys = new Set([
  'headers',
  'env',
  'args',
  'options',
  'sha256',
  'publicKey',
  'RUNTAPE_SECRET_KEY',
  'RUNTAPE_SIGNING_KEY',
  'DATABASE_URL',
]);

const nouns: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
  record: 'an object',
};

/** Words zod's own checks. Checks with a message of their own keep it. */
export function explainIssue(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${issue.inst instanceof z.ZodNumberFormat ? nouns.int : (nouns[issue.expected] ?? issue.expected)}`;
    case 'invalid_value':
      return `must be ${alternatives(issue.values)}`;
    case 'invalid_union':
      return Array.isArray(issue.options) ? `must be ${alternatives(issue.options)}` : undefined;
    case 'too_small':
      return explainMinimum(issue.origin, Number(issue.minimum), issue.inclusive ?? true);
    case 'too_big':
      return explainMaximum(issue.origin, Number(issue.maximum), issue.inclusive ?? true);
    case 'unrecognized_keys': {
      const allowed = issue.inst instanceof z.ZodObject ? Object.keys(issue.inst.shape) : [];
      const keys = issue.keys.map((key) => JSON.stringify(key)).join(', ');
      return `${UNKNOWN_KEY}${issue.keys.length === 1 ? '' : 's'} ${keys}. Allowed keys: ${allowed.join(', ')}`;
    }
    case 'invalid_key':
      return `invalid name: ${issue.issues.map(({ message }) => message).join('; ')}`;
    default:
      return undefined;
  }
}

function alternatives(values: readonly unknown[]): string {
  const texts = values.map((value) => JSON.stringify(value));
  return texts.length < 2 ? texts.join('') : `${texts.slice(0, -1).join(', ')} or ${texts.at(-1)}`;
}

function explainMinimum(origin: string, minimum: number, isInclusive: boolean): string {
  if (origin === 'array') return `must have at least ${minimum} ${minimum === 1 ? 'entry' : 'entries'}`;
  if (origin === 'string') return minimum === 1 ? 'must not be empty' : `must have at least ${minimum} characters`;
  return `must be ${isInclusive ? 'at least' : 'greater than'} ${minimum}`;
}

function explainMaximum(origin: string, maximum: number, isInclusive: boolean): string {
  if (origin === 'array') return `must have at most ${maximum} entries`;
  if (origin === 'string') return `must have at most ${maximum} characters`;
  return `must be ${isInclusive ? 'at most' : 'less than'} ${maximum}`;
}

/** Without issues that follow from an earlier one about the same value. */
export function independentIssues<Issue extends { path: readonly PropertyKey[]; message: string }>(
  issues: readonly Issue[],
): Issue[] {
  const reported = new Set<string>();
  return issues.filter(({ path, message }) => {
    const key = JSON.stringify(path.map(String));
    if (message.startsWith(UNKNOWN_KEY)) return true;
    const isFirst = !reported.has(key);
    reported.add(key);
    return isFirst;
  });
}

/**
 * One line for the operator: source, path, message, and the value unless it can be a credential.
 *
 * @param source the file; empty for the environment
 * @param root the value that the path starts from, before environment variables were filled in
 */
export function formatIssue(
  source: string,
  { path, message }: { path: readonly PropertyKey[]; message: string },
  root: unknown,
): string {
  const value = valueAt(root, path);
  return [source, path.map(String).join('.'), withValue(message, value, path)].filter((part) => part !== '').join(': ');
}

function withValue(message: string, value: unknown, path: readonly PropertyKey[]): string {
  if (!message.startsWith('must ')) return message;
  if (value === undefined) return `is missing. It ${message}`;
  if (!message.startsWith('must be ') || path.some((key) => secretKeys.has(String(key)))) return message;
  const shown = showValue(value);
  return shown === null ? message : `${message}, not ${shown}`;
}

/** Null if the value can contain a credential: a PEM key, or a URL with a user or a query. */
function showValue(value: unknown): string | null {
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value !== 'string') return String(value);
  if (/[@?]|-----BEGIN/.test(value)) return null;
  return JSON.stringify(value.length > SHOWN_CHARACTERS ? `${value.slice(0, SHOWN_CHARACTERS)}…` : value);
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}
