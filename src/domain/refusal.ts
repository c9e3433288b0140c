import type { RunStatus } from './transitions.ts';

export interface InputIssue {
  /** Path into the input, for example `["expiresInSeconds"]`. */
  path: string[];
  message: string;
}

/** Why a command was refused. It is returned, never thrown; the command changed nothing. */
export type Refusal =
  | { kind: 'not-found'; id: string; message: string }
  | { kind: 'conflict'; message: string }
  | { kind: 'invalid-input'; issues: InputIssue[]; message: string }
  | { kind: 'session-busy'; activeRunId: string; message: string }
  | { kind: 'invalid-transition'; runId: string; state: RunStatus; command: string; message: string }
  | { kind: 'approval-settled'; approvalId: string; message: string }
  | { kind: 'wait-settled'; waitId: string; message: string }
  /** With a quota, `used` and `allowed` are in the unit of the limit. */
  | { kind: 'limit-exceeded'; limit: string; message: string; used?: number; allowed?: number };

export type RefusalOf<Kind extends Refusal['kind']> = Extract<Refusal, { kind: Kind }>;

export const notFound = (noun: string, id: string): RefusalOf<'not-found'> => ({
  kind: 'not-found',
  id,
  message: `There is no ${noun} ${id}.`,
});

export const conflict = (message: string): RefusalOf<'conflict'> => ({ kind: 'conflict', message });

export const invalidInput = (path: string[], message: string): RefusalOf<'invalid-input'> => ({
  kind: 'invalid-input',
  issues: [{ path, message }],
  message: path.length > 0 ? `${path.join('.')}: ${message}` : message,
});

export const waitAlreadySettled = (waitId: string): RefusalOf<'wait-settled'> => ({
  kind: 'wait-settled',
  waitId,
  message: `${waitId} is already settled: it was settled differently, it expired, or its run ended.`,
});

export const limitExceeded = (limit: string, message: string): RefusalOf<'limit-exceeded'> => ({
  kind: 'limit-exceeded',
  limit,
  message,
});

/** @param unit follows the numbers, for example "bytes are stored" */
export const quotaReached = (
  limit: string,
  { used, allowed }: { used: number; allowed: number },
  unit: string,
  advice: string,
): RefusalOf<'limit-exceeded'> => ({
  kind: 'limit-exceeded',
  limit,
  used,
  allowed,
  message: `${used} of at most ${allowed} ${unit}. ${advice}`,
});

export const sessionBusy = (activeRunId: string): RefusalOf<'session-busy'> => ({
  kind: 'session-busy',
  activeRunId,
  message: `The session already has an active run: ${activeRunId}.`,
});

/** Phrases for commands whose names do not fit before "run". */
const commandWords: Readonly<Record<string, string>> = {
  record: 'record events of',
  ask: 'ask a person during',
  report: 'report progress of',
  requestApproval: 'request an approval for',
};

/** The refusal of a command that the transition table does not allow in this status. */
export function refuseTransition(runId: string, state: RunStatus, command: string): Refusal {
  return {
    kind: 'invalid-transition',
    runId,
    state,
    command,
    message: `Cannot ${commandWords[command] ?? command} run ${runId}: it is ${state}.`,
  };
}

/** Whether an outcome is a refusal. */
export function isRefusal<T extends { kind: string }>(outcome: T): outcome is Extract<T, Refusal> {
  return refusalKinds.has(outcome.kind);
}

const refusalKinds: ReadonlySet<string> = new Set<Refusal['kind']>([
  'not-found',
  'conflict',
  'invalid-input',
  'session-busy',
  'invalid-transition',
  'approval-settled',
  'wait-settled',
  'limit-exceeded',
]);
