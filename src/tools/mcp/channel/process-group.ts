import type { ChildProcess } from 'node:child_process';

/** Process groups that this program answers for: launchers such as npx leave children of their own behind. */
export interface ProcessGroups {
  /** The child must lead a group of its own (`detached`). */
  add(child: ChildProcess): void;
  /** Sends a signal to everybody in the child's group who is still there. */
  signal(child: ChildProcess, signal: NodeJS.Signals): void;
  /** Ends whoever is left of the child's group, and forgets it. */
  remove(child: ChildProcess): void;
  /** Stops watching for the end of this program. */
  close(): void;
}

/** Groups that are ended with this program, whatever way it exits short of being killed itself. */
export function createProcessGroups(): ProcessGroups {
  const children = new Set<ChildProcess>();
  const endAll = () => {
    for (const child of children) signalGroup(child, 'SIGKILL');
  };
  process.on('exit', endAll);
  return {
    add: (child) => void children.add(child),
    signal: signalGroup,
    remove(child) {
      if (children.delete(child)) signalGroup(child, 'SIGKILL');
    },
    close: () => void process.off('exit', endAll),
  };
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    // Windows has no groups: there only the child itself can be reached.
    if (process.platform === 'win32') child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // Everybody is gone already.
  }
}
