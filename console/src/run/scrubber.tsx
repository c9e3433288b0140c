import type { Timeline } from './timeline.ts';

const POSITIONS = 2_000;

interface ScrubberProps {
  timeline: Timeline;
  seq: number;
  head: number;
  onChange(seq: number): void;
}

/** The run from its first event to its last, with idle time drawn short. Dragging shows the run as it was. */
export function Scrubber({ timeline, seq, head, onChange }: ScrubberProps) {
  const percent = (position: number) => `${position * 100}%`;
  return (
    <div className="scrubber">
      <div className="scrubber-line" aria-hidden="true">
        {timeline.idle.map(({ from, to, label }) => (
          <span
            key={from}
            className="scrubber-idle"
            style={{ left: percent(from), width: percent(to - from) }}
            title={label}
          >
            {label}
          </span>
        ))}
        {timeline.marks.map(({ seq: at, at: position, type }) => (
          <span key={at} className={`scrubber-mark mark-${type}`} style={{ left: percent(position) }} />
        ))}
        <span className="scrubber-done" style={{ width: percent(timeline.positionOf(seq)) }} />
        <span className="scrubber-knob" style={{ left: percent(timeline.positionOf(seq)) }} />
      </div>
      <input
        type="range"
        aria-label="Event"
        aria-valuetext={`event ${seq} of ${head}`}
        min={0}
        max={POSITIONS}
        value={Math.round(timeline.positionOf(seq) * POSITIONS)}
        onChange={({ target }) => onChange(timeline.seqAt(Number(target.value) / POSITIONS))}
        onKeyDown={(event) => {
          const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
          if (by === undefined || event.shiftKey) return;
          // One event at a time: a step of the slider can be many.
          event.preventDefault();
          onChange(seq + by);
        }}
      />
    </div>
  );
}
