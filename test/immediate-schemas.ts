import { checkForm, compileSchema } from '../src/tools/json-schema/compile-schema.ts';
import type { SchemaChecker } from '../src/tools/json-schema/schema-checker.ts';

/** Checks schemas without a thread, for tests that control every turn of the event loop. */
export const immediateSchemas: SchemaChecker = {
  forParty: () => async (schema, subject) => {
    const check = compileSchema(schema, subject);
    return async (value) => check(value);
  },
  async problemOf(schema) {
    try {
      checkForm(schema);
      compileSchema(schema, 'schema');
      return null;
    } catch (error) {
      return String(error);
    }
  },
  close: async () => undefined,
};
