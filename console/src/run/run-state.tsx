import type { TapeEvent } from '@runtape/client';
import { useMemo, useState } from 'react';
import { useQuery } from '../gateway/use-query.ts';
import { EventDetailDocument } from '../generated/documents.ts';
import { Copy } from '../parts/copy.tsx';
import { JsonView } from '../parts/json-view.tsx';
import { State } from '../parts/state.tsx';
import { Problem } from '../parts/status.tsx';
import { Fact, Facts } from '../parts/text.tsx';
import { cost, count, shortId } from '../text/figures.ts';
import { duration, exactTime } from '../text/time.ts';
import { bothEnds, visibleText } from '../text/visible-text.ts';
import { createFold, type FoldedRun } from './fold.ts';
import { ModelSaw } from './model-saw.tsx';
import { indexAt } from './sparse-tape.ts';

const TEXT_CHARACTERS = 4_000;

/** The run as it was after the chosen event. */
export function RunState({ runId, events, seq }: { runId: string; events: readonly TapeEvent[]; seq: number }) {
  const [foldAt] = useState(createFold);
  const run = useMemo(() => foldAt(events, seq), [foldAt, events, seq]);
  const found = events[indexAt(events, seq)];
  const event = found?.seq === seq ? found : undefined;
  return (
    <section className="detail" aria-label={`State at seq ${seq}`}>
      <h2>
        State at seq {seq} <State of={run.state} />
      </h2>
      <Facts>
        <Fact name="text so far">
          <span className="value">
            {run.text === '' && !run.isPartial ? '–' : visibleText(bothEnds(run.text, TEXT_CHARACTERS))}
            {run.isPartial && <span className="quiet"> … the rest is on its way</span>}
          </span>
        </Fact>
        <Fact name="calls">{run.calls.length === 0 ? '–' : <Calls run={run} />}</Fact>
        <Fact name="open waits">{run.openWaits}</Fact>
      </Facts>
      {run.steps.length > 0 && <Steps run={run} />}
      {event && <EventDetail key={event.seq} runId={runId} event={event} />}
      {run.step > 0 && <ModelSaw runId={runId} step={run.step} contextSeq={run.contextSeq} />}
    </section>
  );
}

/** A run can have thousands of calls and steps. The table has them all. */
const SHOWN_CALLS = 50;
const SHOWN_STEPS = 50;

function Calls({ run }: { run: FoldedRun }) {
  const earlier = run.calls.length - SHOWN_CALLS;
  return (
    <ul className="plain-list">
      {earlier > 0 && <li className="quiet">{count(earlier)} earlier calls</li>}
      {run.calls.slice(-SHOWN_CALLS).map(({ callId, tool, state }) => (
        <li key={callId}>
          <State of={state} /> <code>{tool}</code>
        </li>
      ))}
    </ul>
  );
}

function Steps({ run }: { run: FoldedRun }) {
  const earlier = run.steps.length - SHOWN_STEPS;
  return (
    <table className="figures-table">
      {earlier > 0 && <caption>{count(earlier)} earlier steps</caption>}
      <thead>
        <tr>
          <th>step</th>
          <th>model</th>
          <th>tokens</th>
          <th>cost</th>
          <th>time</th>
        </tr>
      </thead>
      <tbody>
        {run.steps.slice(-SHOWN_STEPS).map(({ step, model, totalTokens, estimated, cost: price, milliseconds }) => (
          <tr key={`${step}-${milliseconds}`}>
            <td>{step}</td>
            <td>{model}</td>
            <td>
              {estimated && <abbr title="estimated">≈</abbr>} {count(totalTokens)}
            </td>
            <td>{cost(price)}</td>
            <td>{duration(milliseconds)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function EventDetail({ runId, event }: { runId: string; event: TapeEvent }) {
  const { data, error } = useQuery(EventDetailDocument, { id: `${runId}:${event.seq}` }, { isLive: false });
  const node = data?.node;
  const detail = node && 'payload' in node ? node : null;
  return (
    <details className="section" open>
      <summary>
        Event {event.seq} <code>{event.type}</code>
      </summary>
      <Facts>
        <Fact name="recorded">{exactTime(event.recordedAt)}</Fact>
        <Fact name="actor">{event.actor.toLowerCase()}</Fact>
        {detail && (
          <>
            <Fact name="hash">
              <code>{detail.hash.slice(0, 16)}…</code> <Copy text={detail.hash} what="the hash" />
            </Fact>
            <Fact name="cursor">
              <code>{shortId(detail.cursor)}</code> <Copy text={detail.cursor} what="the cursor" />
            </Fact>
          </>
        )}
      </Facts>
      {error !== null && <Problem error={error} />}
      {detail && <JsonView value={detail.payload} />}
    </details>
  );
}
