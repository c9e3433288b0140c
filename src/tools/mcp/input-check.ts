import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv';
import type { Json } from '../../domain/events.ts';
import type { PreparedInput } from '../tool.ts';

type InputCheck = (input: Json) => PreparedInput;

/** Compiles a tool's input schema. Throws where it is broken. */
export function compileInputCheck(schema: Readonly<Record<string, unknown>>): InputCheck {
  // Such a schema answers with a promise that nobody here would wait for.
  if ('$async' in schema) throw new Error('Asynchronous schemas are not supported.');
  // The id of one tool's schema must not lead to that of another, so each has a validator of its own and loses its id.
  const { $id: _id, ...nameless } = schema;
  const validate = new AjvJsonSchemaValidator().getValidator<Json>(nameless);
  return (input) => {
    try {
      const { valid, errorMessage } = validate(input);
      return valid ? { ok: true, input } : { ok: false, error: `Invalid input: ${described(errorMessage)}.` };
    } catch (error) {
      return { ok: false, error: `The tool's input schema can not be applied: ${String(error)}` };
    }
  };
}

/** The validator calls the whole input `data`. */
function described(errors: string | undefined): string {
  return (errors ?? 'it does not fit the schema').replace(/\bdata\b(?=[/ ])/g, 'input');
}
