import type { ToolCallItem } from '@runtape/client';
import { JsonView } from '../parts/json-view.tsx';
import { State } from '../parts/state.tsx';
import { Words } from '../parts/text.tsx';
import { json } from '../text/figures.ts';
import { bothEnds, visibleText } from '../text/visible-text.ts';
import { WaitDetail } from '../waiting/wait-detail.tsx';

const LINE_CHARACTERS = 90;
const open = new Set(['WAITING', 'RUNNING', 'FAILED']);

/** One line that opens in place. What waits, runs or has failed is open. */
export function ToolCall({ call }: { call: ToolCallItem }) {
  const { tool, state, input, output, error, progress, waitId } = call;
  const note = error ?? progress?.message ?? bothEnds(json(input).replaceAll(/\s+/g, ' '), LINE_CHARACTERS);
  return (
    // A new key opens or closes the card when its state changes; in between it is the reader's.
    <details key={state} className="tool-call" open={open.has(state)}>
      <summary>
        <State of={state} isShort />
        <b>{tool}</b> {/* What is open shows input and error in full. */}
        <span className={state === 'RUNNING' ? 'tool-note' : 'tool-note is-repeated'}>
          {state === 'WAITING' ? 'waiting' : <Words>{note}</Words>}
        </span>
        {progress && state === 'RUNNING' && (
          <progress value={progress.progress} max={progress.total ?? undefined} aria-label={`Progress of ${tool}`} />
        )}
      </summary>
      {state === 'WAITING' && waitId !== null ? (
        <WaitDetail id={waitId} onDecided={() => undefined} isInSession />
      ) : (
        <div className="tool-body">
          <h3>input</h3>
          <JsonView value={input} />
          {error !== null && <p className="problem">{visibleText(error)}</p>}
          {output !== null && output !== undefined && (
            <>
              <h3>output</h3>
              <JsonView value={output} />
            </>
          )}
        </div>
      )}
    </details>
  );
}
