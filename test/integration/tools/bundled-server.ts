import { join } from 'node:path';
import { bundleOf } from '../../bundle.ts';

/** The program of an MCP server of this folder, bundled. */
export function bundledServer(name: 'asking-server' | 'changing-server'): string {
  return bundleOf(join(import.meta.dirname, `${name}.mjs`), `${name}.mjs`);
}
