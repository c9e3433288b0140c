import Form from '@rjsf/core';
import type { IconButtonProps, ValidatorType } from '@rjsf/utils';
import { useId } from 'react';
import type { FormSchema } from './form-schema.ts';

/** The gateway checks the value against the schema: a validator in the page would need `eval`. */
const validator: ValidatorType = {
  validateFormData: () => ({ errors: [], errorSchema: {} }),
  isValid: () => true,
  rawValidation: () => ({ errors: undefined, validationError: undefined }),
};

const wordButton = (word: string) =>
  function WordButton({ id, onClick, disabled }: IconButtonProps) {
    return (
      <button type="button" id={id} className="button" onClick={onClick} disabled={disabled}>
        {word}
      </button>
    );
  };

/** Words: the icons of the package are glyphs of a font. */
const templates = {
  ButtonTemplates: {
    AddButton: wordButton('Add'),
    RemoveButton: wordButton('Remove'),
    MoveUpButton: wordButton('Up'),
    MoveDownButton: wordButton('Down'),
    ClearButton: wordButton('Clear'),
  },
};

interface SchemaFormProps {
  form: FormSchema;
  value: unknown;
  onChange(value: unknown): void;
}

/** A form for a value that a JSON Schema describes. */
export function SchemaForm({ form: { schema, uiSchema }, value, onChange }: SchemaFormProps) {
  return (
    <Form
      className="schema-form"
      // Several of these forms can be on a page.
      idPrefix={useId()}
      schema={schema}
      uiSchema={{ ...uiSchema, 'ui:submitButtonOptions': { norender: true } }}
      validator={validator}
      templates={templates}
      // No choice is made for the person.
      experimental_defaultFormStateBehavior={{ constAsDefaults: 'skipOneOf' }}
      formData={value}
      onChange={({ formData }) => onChange(formData)}
      tagName="div"
    />
  );
}
