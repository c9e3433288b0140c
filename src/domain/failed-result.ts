import type { NewEvent } from './events.ts';

/**
 * The result of a call that did not run. `error` tells the model why.
 * @param mayHaveRun whether an earlier attempt was interrupted, so that nobody knows whether it ran
 */
export function failedResult(
  call: { callId: string; tool: string },
  error: string,
  mayHaveRun = false,
): Extract<NewEvent, { type: 'tool_result' }> {
  return {
    type: 'tool_result',
    actor: 'TOOL',
    payload: {
      callId: call.callId,
      tool: call.tool,
      ok: false,
      output: null,
      error,
      durationMilliseconds: 0,
      truncated: false,
      storedText: null,
      mayHaveRun,
    },
  };
}

/**
 * The result of a call that is not executed, or not again. It may have run if an attempt was interrupted.
 * @param call with the number of its earlier attempts
 */
export function unexecutedResult(call: { callId: string; tool: string; attempts: number }, error: string): NewEvent {
  return call.attempts > 0
    ? failedResult(call, `${error} An earlier attempt was interrupted and may have run.`, true)
    : failedResult(call, error);
}
