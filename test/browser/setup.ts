import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findBrowser } from './find-browser.ts';

/** Unpacks the browser of the npm package before the workers start, because two of them would write the same file. */
export async function setup(): Promise<void> {
  const { executablePath } = await findBrowser();
  try {
    await promisify(execFile)(executablePath, ['--version', '--no-sandbox'], { timeout: 60_000 });
  } catch (cause) {
    throw new Error(
      `The browser ${executablePath} does not start. If an earlier run was interrupted while it unpacked the browser, remove that file.`,
      { cause },
    );
  }
}
