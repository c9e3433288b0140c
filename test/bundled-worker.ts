import { fileURLToPath, pathToFileURL } from 'node:url';
import { startWorker as startModule } from '../src/worker.ts';
import { bundleOf } from './bundle.ts';

/**
 * Takes the place of the `startWorker` of the program, which compiles the module and all that it imports in each thread when the
 * program runs from its sources. This one starts a bundle, as the built program does.
 */
export function startWorker(name: string, importedBy: string, options: Parameters<typeof startModule>[2]) {
  // It reads a file of its folder, and is started by few tests.
  if (name === 'policy-worker') return startModule(name, importedBy, options);
  const source = fileURLToPath(new URL(`./${name}.ts`, importedBy));
  return startModule(name, pathToFileURL(bundleOf(source, `${name}.js`)).href, options);
}
