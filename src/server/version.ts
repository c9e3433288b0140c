import { createRequire } from 'node:module';
import { z } from 'zod';

const manifest = z.object({ version: z.string() });

/** Of this program, as its package says. */
export const version = manifest.parse(createRequire(import.meta.url)('#package.json')).version;
