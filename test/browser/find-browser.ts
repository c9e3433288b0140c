import { existsSync } from 'node:fs';
import packaged from '@sparticuz/chromium';

/** Where systems install a browser of the Chromium family. */
const installedPaths = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

export interface Browser {
  executablePath: string;
  /** Flags that this build needs. */
  flags: readonly string[];
}

/**
 * The browser that RUNTAPE_CHROMIUM names; otherwise the Chromium of the npm package, which is for Linux on x64; otherwise an
 * installed one. Throws if there is none.
 */
export async function findBrowser(): Promise<Browser> {
  const named = process.env.RUNTAPE_CHROMIUM;
  if (named !== undefined) return { executablePath: named, flags: [] };
  if (process.platform === 'linux' && process.arch === 'x64') {
    return { executablePath: await packaged.executablePath(), flags: packaged.args };
  }
  const installed = installedPaths.find((path) => existsSync(path));
  if (installed !== undefined) return { executablePath: installed, flags: [] };
  throw new Error(
    `There is no browser for the browser tests. Install Chrome or Chromium (${installedPaths.join(', ')}), or set RUNTAPE_CHROMIUM to its path.`,
  );
}
