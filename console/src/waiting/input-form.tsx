import Form from '@rjsf/core';
import type { RJSFSchema, UiSchema, ValidatorType } from '@rjsf/utils';

/** The gateway checks the input against the schema of the tool: a validator in the page would need `eval`. */
const validator: ValidatorType = {
  validateFormData: () => ({ errors: [], errorSchema: {} }),
  isValid: () => true,
  rawValidation: () => ({ errors: undefined, validationError: undefined }),
};

const uiSchema: UiSchema = { 'ui:submitButtonOptions': { norender: true } };

interface InputFormProps {
  schema: object;
  value: unknown;
  onChange(value: unknown): void;
}

/** A form for a value that a JSON Schema describes. */
export function InputForm({ schema, value, onChange }: InputFormProps) {
  return (
    <Form
      className="schema-form"
      schema={schema as RJSFSchema}
      uiSchema={uiSchema}
      validator={validator}
      formData={value}
      onChange={({ formData }) => onChange(formData)}
      tagName="div"
    />
  );
}
