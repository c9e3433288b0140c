import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { configurationJsonSchema } from './config-schema.ts';

// Writes schema/config.schema.json. A test compares the file with the program.

const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

const schema = configurationJsonSchema(readFileSync(pathOf('docs/configuration.md'), 'utf8'));
writeFileSync(pathOf('schema/config.schema.json'), `${JSON.stringify(schema, null, 2)}\n`);
