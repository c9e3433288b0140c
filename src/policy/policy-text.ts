import { readFileSync } from 'node:fs';
import {
  checkParsePolicySet,
  type DetailedError,
  type NamespaceDefinition,
  type PolicyJson,
  policySetTextToParts,
  policyToJson,
  type SchemaJson,
  schemaToJson,
  type Type,
  validate,
} from '@cedar-policy/cedar-wasm/nodejs';
import { inputType } from './input-shape.ts';

/** One policy of a file, in the order of the file. */
export interface PolicyRule {
  /** Its `@id`, or `policy` with its place, counted from 0. */
  id: string;
  /** Its `@reason`. */
  reason: string | null;
  text: string;
}

/** Something that is wrong with a policy. Lines and columns count from 1. */
export interface PolicyProblem {
  line: number;
  column: number;
  message: string;
}

export type ReadPolicy = { ok: true; rules: PolicyRule[] } | { ok: false; problems: PolicyProblem[] };

/** Reads Cedar text and holds it against the schema: names, types, and attributes that may not be there. */
export function readPolicy(text: string): ReadPolicy {
  return read(text, typeProblems);
}

/** Reads a text that is known to fit the schema: checking takes a third of a second, once in a process. */
export function readCheckedPolicy(text: string): ReadPolicy {
  return read(text, () => []);
}

function read(text: string, furtherProblems: (rules: readonly FoundRule[]) => RuleProblem[]): ReadPolicy {
  const problemAt = placeIn(text);
  const failure = (problems: PolicyProblem[]): ReadPolicy => ({ ok: false, problems });
  const parts = policySetTextToParts(text);
  if (parts.type === 'failure') return failure(parts.errors.map((error) => problemAt(0, error)));
  const [template] = parts.policy_templates;
  if (template !== undefined) return failure([problemAt(text.indexOf(template), filledInByNobody)]);
  const parsed = checkParsePolicySet({ staticPolicies: text });
  if (parsed.type === 'failure') return failure(parsed.errors.map((error) => problemAt(0, error)));
  if (parts.policies.length === 0) {
    return failure([{ line: 1, column: 1, message: 'there is no policy here, and what no policy permits is denied' }]);
  }
  const found = locate(text, inOrder(parts.policies));
  const problems = [...idProblems(found), ...furtherProblems(found)];
  return problems.length === 0
    ? { ok: true, rules: found }
    : failure(eachOnce(problems.map(({ start, error }) => problemAt(start, error))));
}

/** A rule with its place in the text, and as Cedar read it. */
interface FoundRule extends PolicyRule {
  start: number;
  json: PolicyJson;
}

/** What is wrong with a rule; the error counts from where the rule begins. */
interface RuleProblem {
  start: number;
  error: DetailedError;
}

function locate(text: string, policies: readonly string[]): FoundRule[] {
  let end = 0;
  return policies.map((policy, place) => {
    const start = text.indexOf(policy, end);
    end = start + policy.length;
    const parsed = policyToJson(policy);
    if (parsed.type === 'failure') throw new Error(parsed.errors.map(({ message }) => message).join('; '));
    const { id = `policy${place}`, reason = null } = parsed.json.annotations ?? {};
    // An annotation without a value names nothing.
    return { id: id ?? '', reason, text: policy, start, json: parsed.json };
  });
}

function idProblems(rules: readonly FoundRule[]): RuleProblem[] {
  const taken = new Set<string>();
  return rules.flatMap(({ id, start }) => {
    const message = id === '' ? 'the annotation @id names no id' : `the id "${id}" is taken by a policy above`;
    const isFine = id !== '' && !taken.has(id);
    taken.add(id);
    return isFine ? [] : [{ start, error: { ...nowhere, message } }];
  });
}

/** Rules that use inputs alike are checked together: Cedar reads the schema anew each time. */
function typeProblems(rules: readonly FoundRule[]): RuleProblem[] {
  const schema = readSchema();
  const alike = new Map<string, { input: Type<string>; rules: FoundRule[] }>();
  for (const rule of rules) {
    const input = inputType(rule.json);
    const key = JSON.stringify(input);
    alike.set(key, { input, rules: [...(alike.get(key)?.rules ?? []), rule] });
  }
  return [...alike.values()].flatMap((group) => problemsOf(schemaFor(schema, group.input), group.rules));
}

function problemsOf(schema: SchemaJson<string>, rules: readonly FoundRule[]): RuleProblem[] {
  const staticPolicies = Object.fromEntries(rules.map(({ text }, place) => [String(place), text]));
  const answer = validate({ schema, policies: { staticPolicies } });
  if (answer.type === 'failure') throw new Error(answer.errors.map(({ message }) => message).join('; '));
  return answer.validationErrors.map(({ policyId, error }) => ({ start: rules[Number(policyId)]?.start ?? 0, error }));
}

/** In the order of the text. A rule for both actions has its faults twice. */
function eachOnce(problems: readonly PolicyProblem[]): PolicyProblem[] {
  const once = new Map(problems.map((problem) => [JSON.stringify(problem), problem]));
  return [...once.values()].sort((one, other) => one.line - other.line || one.column - other.column);
}

/** Cedar hands the policies out sorted by the ids that it gave them, as text: `policy0`, `policy1`, `policy10`, `policy2`. */
function inOrder(policies: readonly string[]): string[] {
  const places = policies.map((_, place) => place).sort((left, right) => (String(left) < String(right) ? -1 : 1));
  const ordered: string[] = [];
  for (const [index, place] of places.entries()) ordered[place] = policies[index] ?? '';
  return ordered;
}

const nowhere = { help: null, code: null, url: null, severity: null };
const filledInByNobody = {
  ...nowhere,
  message: 'this is a template, and nothing fills in its ?principal or ?resource',
};

type Namespace = NamespaceDefinition<string>;

const schemaText = readFileSync(new URL('./schema.cedarschema', import.meta.url), 'utf8');

function readSchema(): Namespace {
  const parsed = schemaToJson(schemaText);
  const namespace = parsed.type === 'success' ? parsed.json[''] : undefined;
  if (!namespace) throw new Error('schema.cedarschema can not be read.');
  return namespace;
}

function schemaFor(schema: Namespace, input: Type<string>): SchemaJson<string> {
  const { Call: call } = schema.commonTypes ?? {};
  if (!call || !('attributes' in call)) throw new Error('schema.cedarschema declares no record Call.');
  const attributes = { ...call.attributes, input };
  return { '': { ...schema, commonTypes: { ...schema.commonTypes, Call: { ...call, attributes } } } };
}

/** Turns an error of a part of the text that begins at `start` into a problem of the text. Cedar counts in UTF-8. */
function placeIn(text: string) {
  return (start: number, { message, help, sourceLocations }: DetailedError): PolicyProblem => {
    const [location] = sourceLocations ?? [];
    const part = Buffer.from(text.slice(start))
      .subarray(0, location?.start ?? 0)
      .toString();
    const lines = (text.slice(0, start) + part).split('\n');
    const hints = [location?.label, help].filter((hint) => hint);
    const said = message
      .replace(/^failed to parse policies from string: |^for policy `\d+`, /, '')
      .replace(/ for Action::"\w+"/, '');
    return {
      line: lines.length,
      column: (lines.at(-1)?.length ?? 0) + 1,
      message: hints.length === 0 ? said : `${said} (${hints.join('; ')})`,
    };
  };
}
