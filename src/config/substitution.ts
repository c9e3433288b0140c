import type { ConfigurationIssue } from './configuration-issue.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Path = ConfigurationIssue['path'];

const reference = /\$\{([^}]*)\}/g;
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A problem of a text in the configuration, and the variable if it is one that is not set. */
export interface SubstitutionIssue extends ConfigurationIssue {
  unset: string | null;
}

/**
 * Replaces `${NAME}` in every string of a JSON value by the environment variable. Variables that are empty or not set, and
 * references that are not a variable name, stay in the text and are reported with their path.
 */
export function substituteVariables(
  value: unknown,
  environment: Environment,
  path: Path,
): { value: unknown; issues: SubstitutionIssue[] } {
  if (typeof value === 'string') return substituteInText(value, environment, path);
  if (typeof value !== 'object' || value === null) return { value, issues: [] };
  const members = Object.entries(value).map(([key, member]) => {
    const segment = Array.isArray(value) ? Number(key) : key;
    return { key, ...substituteVariables(member, environment, [...path, segment]) };
  });
  const issues = members.flatMap((member) => member.issues);
  if (Array.isArray(value)) return { value: members.map((member) => member.value), issues };
  return { value: Object.fromEntries(members.map((member) => [member.key, member.value])), issues };
}

function substituteInText(text: string, environment: Environment, path: Path) {
  const issues: SubstitutionIssue[] = [];
  const value = text.replaceAll(reference, (written, name: string) => {
    const variable = variableName.test(name) ? environment[name] : undefined;
    if (variable !== undefined && variable !== '') return variable;
    const isName = variableName.test(name);
    const message = isName
      ? `the environment variable ${name} is not set. Set it, or disable the server with "disabled": true`
      : `${written} does not name an environment variable. Write \${NAME}, with letters, digits and underscores`;
    issues.push({ path, message, unset: isName ? name : null });
    return written;
  });
  return { value, issues };
}
