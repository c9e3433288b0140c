export const runStatuses = ['PENDING', 'IN_PROGRESS', 'AWAITING_APPROVAL', 'DONE', 'CANCELLED', 'FAILED'] as const;
export type RunStatus = (typeof runStatuses)[number];

export const transitionCommands = ['start', 'requestApproval', 'resume', 'complete', 'fail', 'cancel'] as const;
export type TransitionCommand = (typeof transitionCommands)[number];

type Row = Record<TransitionCommand, RunStatus | null>;

const none: Row = { start: null, requestApproval: null, resume: null, complete: null, fail: null, cancel: null };

/** The status that each command leads to from each status; null if the command is refused. */
export const transitions: Record<RunStatus, Row> = {
  PENDING: { ...none, start: 'IN_PROGRESS', fail: 'FAILED', cancel: 'CANCELLED' },
  IN_PROGRESS: {
    ...none,
    requestApproval: 'AWAITING_APPROVAL',
    complete: 'DONE',
    fail: 'FAILED',
    cancel: 'CANCELLED',
  },
  AWAITING_APPROVAL: { ...none, resume: 'IN_PROGRESS', fail: 'FAILED', cancel: 'CANCELLED' },
  DONE: none,
  CANCELLED: none,
  FAILED: none,
};

const terminal: ReadonlySet<RunStatus> = new Set(['DONE', 'CANCELLED', 'FAILED']);

export function isTerminal(status: RunStatus): boolean {
  return terminal.has(status);
}
