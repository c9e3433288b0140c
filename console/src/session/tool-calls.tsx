import type { ToolCallItem } from '@runtape/client';
import { useState } from 'react';
import { count } from '../text/figures.ts';
import { ToolCall } from './tool-call.tsx';

const SHOWN_CALLS = 20;
const isOpen = ({ state }: ToolCallItem) => state === 'WAITING' || state === 'RUNNING';

/** The calls of one answer: the newest ones, and all that wait or run. A line shows the others. */
export function ToolCalls({ calls }: { calls: readonly ToolCallItem[] }) {
  const [isWhole, setWhole] = useState(false);
  const firstShown = isWhole ? 0 : calls.length - SHOWN_CALLS;
  const hidden = calls.filter((call, index) => index < firstShown && !isOpen(call));
  const failed = hidden.filter(({ state }) => state === 'FAILED' || state === 'DENIED').length;
  return (
    <>
      {hidden.length > 0 && (
        <button type="button" className="link" onClick={() => setWhole(true)}>
          {`Show ${count(hidden.length)} earlier calls`}
          {failed > 0 && `, of which ${count(failed)} failed or were denied`}
        </button>
      )}
      {calls
        .filter((call, index) => index >= firstShown || isOpen(call))
        .map((call) => (
          <ToolCall key={call.callId} call={call} />
        ))}
    </>
  );
}
