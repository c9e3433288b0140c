import type { AgentItemFragment, AgentLimitsInput } from '../generated/documents.ts';

const fields = [
  { name: 'maxSteps', label: 'Model calls' },
  { name: 'maxToolCalls', label: 'Tool calls' },
  { name: 'runSeconds', label: 'Seconds of work' },
  { name: 'maxTokens', label: 'Tokens' },
  { name: 'maxCost', label: 'Cost' },
] as const;

type Name = (typeof fields)[number]['name'];

/** What stands in the fields. */
export type LimitTexts = Readonly<Record<Name, string>>;

export function textsOf(limits: AgentItemFragment['limits']): LimitTexts {
  const textOf = (name: Name) => String(limits?.[name] ?? '');
  return {
    maxSteps: textOf('maxSteps'),
    maxToolCalls: textOf('maxToolCalls'),
    runSeconds: textOf('runSeconds'),
    maxTokens: textOf('maxTokens'),
    maxCost: textOf('maxCost'),
  };
}

/** Only the fields that are filled in. */
export function limitsOf(texts: LimitTexts): AgentLimitsInput {
  const filled = fields.filter(({ name }) => texts[name].trim() !== '');
  return Object.fromEntries(filled.map(({ name }) => [name, Number(texts[name])]));
}

interface AgentLimitsProps {
  texts: LimitTexts;
  onChange(texts: LimitTexts): void;
  isDisabled: boolean;
}

export function AgentLimits({ texts, onChange, isDisabled }: AgentLimitsProps) {
  return (
    <fieldset>
      <legend>Limits of a run (empty: only those of the gateway)</legend>
      <div className="checks">
        {fields.map(({ name, label }) => (
          <label key={name} className="limit">
            {label}
            <input
              type="number"
              min={0}
              step="any"
              value={texts[name]}
              disabled={isDisabled}
              onChange={({ target }) => onChange({ ...texts, [name]: target.value })}
            />
          </label>
        ))}
      </div>
    </fieldset>
  );
}
