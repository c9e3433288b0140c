import type { TapeEvent } from '@runtape/client';
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useEffect, useRef } from 'react';
import { duration } from '../text/time.ts';
import { bothEnds, visibleText } from '../text/visible-text.ts';
import { describe, isError } from './describe.ts';
import { rowIndexOf, type TapeRow } from './tape-rows.ts';

const ROW_PIXELS = 26;
const WHAT_CHARACTERS = 300;

interface TapeTableProps {
  rows: readonly TapeRow[];
  startedAt: string;
  seq: number;
  onSelect(seq: number): void;
}

/** The events as a table. Only the rows in view exist. */
export function TapeTable({ rows, startedAt, seq, onSelect }: TapeTableProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PIXELS,
    overscan: 12,
  });
  const selected = rowIndexOf(rows, seq);
  const isLast = selected === rows.length - 1;
  // biome-ignore lint/correctness/useExhaustiveDependencies: new rows move the view only where the last one is selected
  useEffect(() => {
    if (rows.length > 0) virtualizer.scrollToIndex(selected, { align: 'auto' });
  }, [selected, isLast ? rows.length : 0]);
  const longest = rows.reduce((most, { milliseconds }) => Math.max(most, milliseconds), 1);
  return (
    <div className="tape">
      <div className="tape-row tape-head" aria-hidden="true">
        <span className="tape-seq">seq</span>
        <span className="tape-at">at</span>
        <span className="tape-type">type</span>
        <span className="tape-what">what</span>
        <span className="tape-share">time</span>
      </div>
      <div
        className="tape-body"
        ref={scroller}
        role="listbox"
        tabIndex={0}
        aria-label="Events"
        onKeyDown={(event) => {
          const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
          const next = by === undefined ? undefined : rows[selected + by];
          if (!next) return;
          event.preventDefault();
          onSelect(next.to);
        }}
        aria-activedescendant={rows[selected] ? `event-${rows[selected].from}` : undefined}
      >
        <div style={{ height: virtualizer.getTotalSize(), position: 'relative' }}>
          {virtualizer.getVirtualItems().map(({ index, start }) => {
            const row = rows[index];
            return (
              row && (
                <Row
                  key={row.from}
                  row={row}
                  to={row.to}
                  top={start}
                  share={row.milliseconds / longest}
                  startedAt={startedAt}
                  isSelected={index === selected}
                  onSelect={onSelect}
                />
              )
            );
          })}
        </div>
      </div>
    </div>
  );
}

interface RowProps {
  row: TapeRow;
  to: number;
  top: number;
  share: number;
  startedAt: string;
  isSelected: boolean;
  onSelect(seq: number): void;
}

const Row = memo(function Row({ row, to, top, share, startedAt, isSelected, onSelect }: RowProps) {
  const { from, type, first, milliseconds } = row;
  const at = Date.parse(first.recordedAt) - Date.parse(startedAt);
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus and names the selected row
    // biome-ignore lint/a11y/useKeyWithClickEvents: the page handles the keys
    <div
      id={`event-${from}`}
      role="option"
      aria-selected={isSelected}
      className={isError(first) && !row.isMissing ? 'tape-row is-error' : 'tape-row'}
      style={{ position: 'absolute', top, left: 0, right: 0, height: ROW_PIXELS }}
      onClick={() => onSelect(to)}
    >
      <span className="tape-seq">{from === to ? from : `${from}…${to}`}</span>
      <span className="tape-at">{duration(at)}</span>
      <span className={`tape-type type-${kindOf(type)}`}>
        {type}
        {from !== to && ` ×${to - from + 1}`}
      </span>
      <span className="tape-what">
        <bdi>{visibleText(bothEnds(whatOf(row), WHAT_CHARACTERS))}</bdi>
      </span>
      <span className="tape-share" title={`${duration(milliseconds)} until the next row`}>
        <span style={{ width: `${Math.max(share * 100, milliseconds > 0 ? 2 : 0)}%` }} />
      </span>
    </div>
  );
});

function whatOf({ from, to, first, text, isMissing }: TapeRow): string {
  if (isMissing) return 'on its way …';
  return from === to || text === '' ? describe(first) : `“${text}”`;
}

export function kindOf(type: TapeEvent['type']): string {
  if (type.startsWith('TOOL_DECISION') || type.startsWith('APPROVAL') || type.startsWith('WAIT')) return 'decision';
  if (type.startsWith('TOOL')) return 'tool';
  if (type === 'INPUT' || type.startsWith('OUTPUT') || type === 'THOUGHT') return 'message';
  return 'system';
}
