import { offline } from './runtape-error.ts';

/** Waits for a file of this package that is loaded when it is needed. Rejects with OFFLINE if the network does not deliver it. */
export async function load<Module>(loading: Promise<Module>): Promise<Module> {
  try {
    return await loading;
  } catch (cause) {
    throw offline(cause);
  }
}
