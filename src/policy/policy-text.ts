import { readFileSync } from 'node:fs';
import type { DetailedError, PolicyJson, SchemaJson } from '@cedar-policy/cedar-wasm/nodejs';
import { cedar } from './cedar-engine.ts';
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
  const problemAt = placeIn(text);
  const failure = (problems: PolicyProblem[]): ReadPolicy => ({ ok: false, problems });
  const parts = cedar().policySetTextToParts(text);
  if (parts.type === 'failure') return failure(parts.errors.map((error) => problemAt(0, error)));
  const [template] = parts.policy_templates;
  if (template !== undefined) return failure([problemAt(text.indexOf(template), filledInByNobody)]);
  const parsed = cedar().checkParsePolicySet({ staticPolicies: text });
  if (parsed.type === 'failure') return failure(parsed.errors.map((error) => problemAt(0, error)));
  if (parts.policies.length === 0) {
    return failure([{ line: 1, column: 1, message: 'there is no policy here, and what no policy permits is denied' }]);
  }
  const problems: PolicyProblem[] = [];
  const rules: PolicyRule[] = [];
  let end = 0;
  for (const [place, part] of inOrder(parts.policies).entries()) {
    const start = text.indexOf(part, end);
    end = start + part.length;
    const json = cedar().policyToJson(part);
    const errors = json.type === 'failure' ? json.errors : typeErrors(part, json.json);
    const problem = (error: DetailedError) => problemAt(start, error);
    problems.push(...errors.map(problem));
    if (json.type === 'failure') continue;
    const { id = `policy${place}`, reason = null } = json.json.annotations ?? {};
    if (!id) problems.push(problem({ ...nowhere, message: 'the annotation @id names no id' }));
    else if (rules.some((rule) => rule.id === id)) {
      problems.push(problem({ ...nowhere, message: `the id "${id}" is taken by a policy above` }));
    }
    rules.push({ id, reason, text: part });
  }
  return problems.length === 0 ? { ok: true, rules } : failure(eachOnce(problems));
}

/** A rule for both actions has its faults twice. */
function eachOnce(problems: readonly PolicyProblem[]): PolicyProblem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
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

const schemaText = readFileSync(new URL('./schema.cedarschema', import.meta.url), 'utf8');

function typeErrors(policy: string, json: PolicyJson): DetailedError[] {
  const answer = cedar().validate({ schema: schemaFor(json), policies: { staticPolicies: { policy } } });
  return answer.type === 'failure' ? answer.errors : answer.validationErrors.map(({ error }) => error);
}

/** The schema with `context.input` as this policy uses it. */
function schemaFor(policy: PolicyJson): SchemaJson<string> {
  const read = cedar().schemaToJson(schemaText);
  if (read.type === 'failure') throw new Error(`schema.cedarschema: ${read.errors[0]?.message}`);
  const [namespace] = Object.values(read.json);
  const call = namespace?.commonTypes?.Call;
  if (!namespace || !call || !('attributes' in call)) throw new Error('schema.cedarschema declares no record Call.');
  const attributes = { ...call.attributes, input: inputType(policy) };
  return { '': { ...namespace, commonTypes: { ...namespace.commonTypes, Call: { ...call, attributes } } } };
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
      .replace(/^failed to parse policies from string: |^for policy `policy`, /, '')
      .replace(/ for Action::"\w+"/, '');
    return {
      line: lines.length,
      column: (lines.at(-1)?.length ?? 0) + 1,
      message: hints.length === 0 ? said : `${said} (${hints.join('; ')})`,
    };
  };
}
