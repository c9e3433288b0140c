import type { ConfigurationIssue } from './model-config.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Path = ConfigurationIssue['path'];

const reference = /\$\{([^}]*)\}/g;
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Puts the environment's values in the place of `${NAME}` in every string of a JSON value.
 * A variable that is not set, and a reference that is none, become an issue with the place where they stand.
 */
export function substituteVariables(
  value: unknown,
  environment: Environment,
  path: Path,
): { value: unknown; issues: ConfigurationIssue[] } {
  if (typeof value === 'string') return substituteText(value, environment, path);
  if (typeof value !== 'object' || value === null) return { value, issues: [] };
  const parts = Object.entries(value).map(([key, inner]) => {
    const step = Array.isArray(value) ? Number(key) : key;
    return { key, ...substituteVariables(inner, environment, [...path, step]) };
  });
  const issues = parts.flatMap((part) => part.issues);
  if (Array.isArray(value)) return { value: parts.map((part) => part.value), issues };
  return { value: Object.fromEntries(parts.map((part) => [part.key, part.value])), issues };
}

function substituteText(text: string, environment: Environment, path: Path) {
  const issues: ConfigurationIssue[] = [];
  const value = text.replaceAll(reference, (written, name: string) => {
    const found = variableName.test(name) ? environment[name] : undefined;
    if (found !== undefined && found !== '') return found;
    const message = variableName.test(name)
      ? `The environment variable ${name} is not set.`
      : `${written} is not the name of a variable: write \${NAME}.`;
    issues.push({ path, message });
    return written;
  });
  return { value, issues };
}
