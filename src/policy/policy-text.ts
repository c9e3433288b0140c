import { readFileSync } from 'node:fs';
import type { DetailedError, PolicyJson, SchemaJson, Type } from '@cedar-policy/cedar-wasm/nodejs';
import { cedar } from './cedar.ts';
import { inputType } from './input-shape.ts';
import { type CallPart, usedParts } from './used-parts.ts';

/** One policy of a file, in the order of the file. */
export interface PolicyRule {
  /** Its `@id`, or `policy` and its index in the file. */
  id: string;
  /** Its `@reason`, or null. */
  reason: string | null;
  text: string;
  /** The parts of a call that its conditions use. */
  uses: ReadonlySet<CallPart>;
}

/** A problem in a policy text. Lines and columns count from 1; columns count UTF-16 units. */
export interface PolicyProblem {
  line: number;
  column: number;
  message: string;
}

export type ReadPolicy = { ok: true; rules: PolicyRule[] } | { ok: false; problems: PolicyProblem[] };

/** Parses Cedar text and checks it against the schema: names, types, and attributes that can be absent. */
export function readPolicy(text: string): ReadPolicy {
  return read(text, typeProblems);
}

/** Skips the check against the schema, which takes a third of a second the first time. For text that is known to be valid. */
export function readCheckedPolicy(text: string): ReadPolicy {
  return read(text, () => []);
}

function read(text: string, checkTypes: (rules: readonly LocatedRule[]) => RuleProblem[]): ReadPolicy {
  const problemAt = problemLocator(text);
  const failure = (problems: PolicyProblem[]): ReadPolicy => ({ ok: false, problems });
  const parts = cedar().policySetTextToParts(text);
  if (parts.type === 'failure') return failure(parts.errors.map((error) => problemAt(0, error)));
  const [template] = parts.policy_templates;
  if (template !== undefined) return failure([problemAt(text.indexOf(template), templateError)]);
  const parsed = cedar().checkParsePolicySet({ staticPolicies: text });
  if (parsed.type === 'failure') return failure(parsed.errors.map((error) => problemAt(0, error)));
  if (parts.policies.length === 0) {
    const message = 'there is no policy here, so every call would be denied. Add a permit rule';
    return failure([{ line: 1, column: 1, message }]);
  }
  const rules = locateRules(text, inTextOrder(parts.policies));
  const problems = [...idProblems(rules), ...checkTypes(rules)];
  return problems.length === 0
    ? { ok: true, rules }
    : failure(sortedUnique(problems.map(({ start, error }) => problemAt(start, error))));
}

interface LocatedRule extends PolicyRule {
  /** Index of the rule in the text. */
  start: number;
  json: PolicyJson;
}

/** Locations in `error` count from `start`, the index of the rule. */
interface RuleProblem {
  start: number;
  error: DetailedError;
}

function locateRules(text: string, policies: readonly string[]): LocatedRule[] {
  let end = 0;
  return policies.map((policy, index) => {
    const start = text.indexOf(policy, end);
    end = start + policy.length;
    const { json } = accepted(cedar().policyToJson(policy));
    const { id = `policy${index}`, reason = null } = json.annotations ?? {};
    // Cedar gives null for `@id` without a value.
    return { id: id ?? '', reason, text: policy, uses: usedParts(json), start, json };
  });
}

function idProblems(rules: readonly LocatedRule[]): RuleProblem[] {
  const used = new Set<string>();
  return rules.flatMap(({ id, start }) => {
    const message =
      id === ''
        ? 'the annotation @id has no value. Write @id("name")'
        : `the id "${id}" is used by a policy above. Use another @id`;
    const isValid = id !== '' && !used.has(id);
    used.add(id);
    return isValid ? [] : [{ start, error: { ...noLocation, message } }];
  });
}

/** Rules with the same input type are checked together, because Cedar parses the schema for each check. */
function typeProblems(rules: readonly LocatedRule[]): RuleProblem[] {
  const schema = JSON.stringify(accepted(cedar().schemaToJson(schemaText)).json);
  const groups = new Map<string, { input: Type<string>; rules: LocatedRule[] }>();
  for (const rule of rules) {
    const input = inputType(rule.json);
    const key = JSON.stringify(input);
    groups.set(key, { input, rules: [...(groups.get(key)?.rules ?? []), rule] });
  }
  return [...groups.values()].flatMap((group) => validateRules(schemaWith(group.input, schema), group.rules));
}

function validateRules(schema: SchemaJson<string>, rules: readonly LocatedRule[]): RuleProblem[] {
  const staticPolicies = Object.fromEntries(rules.map(({ text, start }) => [String(start), text]));
  const { validationErrors } = accepted(cedar().validate({ schema, policies: { staticPolicies } }));
  return validationErrors.map(({ policyId, error }) => ({ start: Number(policyId), error }));
}

type Success = { type: 'success' };

/** Cedar's answer about text that it has parsed before, or about the schema. */
function accepted<Answer extends Success | { type: 'failure' }>(answer: Answer): Extract<Answer, Success> {
  const isSuccess = (given: Answer): given is Extract<Answer, Success> => given.type === 'success';
  if (!isSuccess(answer)) throw new Error(`Cedar refuses valid text: ${JSON.stringify(answer)}`);
  return answer;
}

/** Cedar reports a problem of a rule once for each action of the rule. */
function sortedUnique(problems: readonly PolicyProblem[]): PolicyProblem[] {
  const unique = new Map(problems.map((problem) => [JSON.stringify(problem), problem]));
  return [...unique.values()].sort((one, other) => one.line - other.line || one.column - other.column);
}

/** Cedar returns policies sorted by the ids that it generated, as strings: `policy0`, `policy1`, `policy10`, `policy2`. */
function inTextOrder(policies: readonly string[]): string[] {
  const ordered = [...policies];
  // Without a function to compare them, numbers are sorted as strings too.
  const indexes = [...policies.keys()].sort();
  for (const [position, index] of indexes.entries()) ordered[index] = policies[position] ?? '';
  return ordered;
}

const noLocation = { help: null, code: null, url: null, severity: null };
const templateError = {
  ...noLocation,
  message: 'this is a template, which nothing links. Replace ?principal or ?resource by an entity',
};

const schemaText = readFileSync(new URL('./schema.cedarschema', import.meta.url), 'utf8');

/** The schema with another type of the attribute `input`, whose name occurs once. @param schema JSON */
function schemaWith(input: Type<string>, schema: string): SchemaJson<string> {
  return JSON.parse(schema, (name, value) => (name === 'input' ? input : value));
}

/** Converts an error in the part of the text after `start` to a problem of the whole text. Cedar counts UTF-8 bytes. */
function problemLocator(text: string) {
  return (start: number, { message, help, sourceLocations }: DetailedError): PolicyProblem => {
    const [location] = sourceLocations ?? [];
    const beforeError = Buffer.from(text.slice(start))
      .subarray(0, location?.start ?? 0)
      .toString();
    const before = text.slice(0, start) + beforeError;
    const hints = [location?.label, help].filter((hint) => hint);
    const summary = message
      .replace(/^failed to parse policies from string: |^for policy `\d+`, /, '')
      .replace(/ for Action::"\w+"/, '');
    return {
      line: before.split('\n').length,
      column: before.length - before.lastIndexOf('\n'),
      message: hints.length === 0 ? summary : `${summary} (${hints.join('; ')})`,
    };
  };
}
