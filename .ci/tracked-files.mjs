import { spawnSync } from 'node:child_process';
import { cpSync, lstatSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { StepFailed } from './child.mjs';

/** Copies the files that git tracks, as they are in the working tree. */
export function copyTrackedFiles(root, target) {
  const { stdout, status } = spawnSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new StepFailed('git ls-files failed: this needs a git working tree.');
  for (const path of stdout.split('\0').filter(Boolean)) {
    const source = join(root, path);
    if (!lstatSync(source, { throwIfNoEntry: false })) continue;
    mkdirSync(dirname(join(target, path)), { recursive: true });
    cpSync(source, join(target, path), { verbatimSymlinks: true });
  }
}
