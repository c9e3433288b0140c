import type { CodegenConfig } from '@graphql-codegen/cli';

const types = {
  useTypeImports: true,
  enumsAsTypes: true,
  strictScalars: true,
  scalars: { ID: 'string', DateTime: 'string', JSON: 'unknown' },
};

/** Generates types for the documents of the tests, of the client and of the console. At run time the documents stay text. */
const config: CodegenConfig = {
  schema: 'schema/schema.graphql',
  emitLegacyCommonJSImports: false,
  importExtension: '.ts',
  generates: {
    'test/generated/': {
      documents: 'schema/operations/*.graphql',
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: { documentMode: 'string', ...types },
    },
    'client/src/generated/documents.ts': {
      documents: 'client/documents/*.graphql',
      plugins: ['typescript-operations', './client/documents.codegen.mjs'],
      config: { ...types, nonOptionalTypename: false },
    },
    'console/src/generated/documents.ts': {
      documents: 'console/documents/*.graphql',
      plugins: ['typescript-operations', './client/documents.codegen.mjs'],
      config: { ...types, nonOptionalTypename: false },
    },
  },
};

export default config;
