import type { RunError as Failure, RunErrorCode as FailureCode } from '../../domain/events.ts';
import { builder } from '../builder.ts';

const codes = {
  MODEL_UNAVAILABLE: { description: 'The provider could not be reached, or went on failing after retries.' },
  MODEL_REFUSED: { description: 'The provider refused the request or withheld the answer.' },
  MODEL_AUTH: { description: 'The provider did not accept the credentials.' },
  CONTEXT_OVERFLOW: { description: 'What the model had to be shown does not fit its window.' },
  STEP_LIMIT: { description: 'The run needed more model calls than it may make.' },
  TOOL_LIMIT: { description: 'The run asked for more tool calls than it may make.' },
  DEADLINE: { description: 'The run was at work for longer than it may be; waiting for people does not count.' },
  BUDGET: { description: 'The run used up its tokens or its money.' },
  APPROVAL_TIMEOUT: { description: 'Nobody decided on an approval in time.' },
  RESUME_LIMIT: { description: 'The run lost its executor too often without coming any further.' },
  INTERNAL: { description: 'Something that should not happen; the log of the server has more.' },
} as const satisfies Record<FailureCode, { description: string }>;

const RunErrorCode = builder.enumType('RunErrorCode', { description: 'Why a run failed.', values: codes });

export function isRunErrorCode(code: string): code is FailureCode {
  return Object.hasOwn(codes, code);
}

export const RunError = builder.objectRef<Failure>('RunError').implement({
  description: 'How a run came to fail.',
  fields: (t) => ({
    code: t.expose('code', { type: RunErrorCode, description: 'The reason, for programs.' }),
    message: t.exposeString('message', { description: 'The reason, in words for a person.' }),
    retryable: t.exposeBoolean('retryable', { description: 'Whether sending it again may succeed.' }),
  }),
});
