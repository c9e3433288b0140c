import { once } from 'node:events';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Starts a thread with a module beside the caller's, and resolves when the module has posted its first message: that it is ready. The
 * thread has no environment variables, and does not keep the process running.
 *
 * @param name of the module, without the ending
 * @param importedBy `import.meta.url` of the caller. In the bundle, the module is a file beside the program. When the program runs from
 * its sources, tsx compiles the module.
 */
export async function startWorker(
  name: string,
  importedBy: string,
  options: Pick<WorkerOptions, 'resourceLimits' | 'workerData'>,
): Promise<Worker> {
  const isSource = importedBy.endsWith('.ts');
  const url = new URL(`./${name}.${isSource ? 'ts' : 'js'}`, importedBy).href;
  const load = `import(${JSON.stringify(url)})`;
  const code = isSource ? `import('tsx/esm/api').then(({ register }) => { register(); return ${load}; })` : load;
  const worker = new Worker(code, { ...options, eval: true, env: {} });
  await once(worker, 'message');
  worker.unref();
  return worker;
}
