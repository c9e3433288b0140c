import { useId, useState } from 'react';
import { json } from '../text/figures.ts';

interface JsonInputProps {
  label: string;
  /** What the field begins with; undefined for an empty one. */
  value: unknown;
  isDisabled?: boolean;
  /** @param value undefined while the text is empty or is not JSON */
  onChange(value: unknown, isEmpty: boolean): void;
}

/** A JSON value, written as text. */
export function JsonInput({ label, value, isDisabled = false, onChange }: JsonInputProps) {
  const id = useId();
  const [text, setText] = useState(() => json(value));
  const problem = problemOf(text);
  const change = (next: string) => {
    setText(next);
    const isEmpty = next.trim() === '';
    onChange(isEmpty || problemOf(next) !== null ? undefined : JSON.parse(next), isEmpty);
  };
  return (
    <div className="json-input">
      <label htmlFor={id}>{label}</label>
      <textarea
        id={id}
        rows={4}
        spellCheck={false}
        value={text}
        disabled={isDisabled}
        aria-invalid={problem !== null}
        aria-describedby={problem === null ? undefined : `${id}-problem`}
        onChange={({ target }) => change(target.value)}
      />
      {problem !== null && (
        <p id={`${id}-problem`} className="field-problem">
          {problem}{' '}
          <button type="button" className="link" onClick={() => change(JSON.stringify(text))}>
            Make it a JSON text
          </button>
        </p>
      )}
    </div>
  );
}

/** Why a text is not JSON. An empty one is not wrong yet. */
function problemOf(text: string): string | null {
  if (text.trim() === '') return null;
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return `This is not JSON: ${error instanceof Error ? error.message : String(error)}.`;
  }
}
