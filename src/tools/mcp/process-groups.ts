import type { ChildProcess } from 'node:child_process';

/**
 * The process groups of stdio servers. Launchers such as npx leave their children behind, so signals go to the whole group. When
 * this program exits, all groups are killed, unless it is killed itself.
 */
export interface ProcessGroups {
  /** The child must lead a group of its own (`detached`). */
  add(child: ChildProcess): void;
  /** Sends a signal to the remaining processes of the child's group. */
  signal(child: ChildProcess, signal: NodeJS.Signals): void;
  /** Kills the remaining processes of the child's group and forgets the group. */
  remove(child: ChildProcess): void;
  /** Stops listening for the exit of this program. */
  close(): void;
}

export function createProcessGroups(): ProcessGroups {
  const leaders = new Set<ChildProcess>();
  const killAll = () => {
    for (const leader of leaders) signalGroup(leader, 'SIGKILL');
  };
  process.on('exit', killAll);
  return {
    add: (child) => void leaders.add(child),
    signal: signalGroup,
    remove(child) {
      if (leaders.delete(child)) signalGroup(child, 'SIGKILL');
    },
    close: () => void process.off('exit', killAll),
  };
}

function signalGroup(leader: ChildProcess, signal: NodeJS.Signals): void {
  if (leader.pid === undefined) return;
  try {
    // Windows has no process groups: only the child itself can be signalled.
    if (process.platform === 'win32') leader.kill(signal);
    else process.kill(-leader.pid, signal);
  } catch {
    // No process of the group is left.
  }
}
