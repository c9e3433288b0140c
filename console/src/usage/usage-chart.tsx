import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { UsageRow } from './usage-screen.tsx';

const HEIGHT_PIXELS = 180;
const DAY_SECONDS = 86_400;

/** Tokens by day. */
export function UsageChart({ rows }: { rows: readonly UsageRow[] }) {
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const parent = element.current;
    if (!parent) return;
    const style = getComputedStyle(parent);
    const [text, line, accent] = ['--quiet', '--line', '--accent'].map((name) => resolved(parent, style, name));
    const axis = {
      stroke: text,
      grid: { stroke: line, width: 1 },
      ticks: { stroke: line, width: 1 },
      font: '11px system-ui',
    };
    const ordered = [...rows].reverse();
    const plot = new uPlot(
      {
        width: parent.clientWidth,
        height: HEIGHT_PIXELS,
        legend: { show: false },
        cursor: { show: false },
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
        axes: [
          { ...axis, values: (_, days) => days.map((seconds) => new Date(seconds * 1000).toISOString().slice(5, 10)) },
          { ...axis, size: 60 },
        ],
        scales: {
          // The bars stand in the middle of their days.
          x: { range: (_, first, last) => [first - DAY_SECONDS / 2, last + DAY_SECONDS / 2] },
          y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] },
        },
        series: [
          {},
          {
            stroke: accent,
            fill: `${accent}33`,
            width: 1.5,
            points: { show: false },
            paths: uPlot.paths.bars?.({ size: [0.6, 40] }),
          },
        ],
      },
      [
        ordered.map(({ day }) => Date.parse(day ?? '') / 1000),
        ordered.map(({ inputTokens, outputTokens }) => inputTokens + outputTokens),
      ],
      parent,
    );
    const observer = new ResizeObserver(() => plot.setSize({ width: parent.clientWidth, height: HEIGHT_PIXELS }));
    observer.observe(parent);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [rows]);
  // The table has the same figures as text.
  return <div className="chart" ref={element} aria-hidden="true" />;
}

/** A canvas needs the colour of the current theme, not `light-dark()`. */
function resolved(element: HTMLElement, style: CSSStyleDeclaration, name: string): string {
  const before = element.style.color;
  element.style.color = style.getPropertyValue(name);
  const colour = getComputedStyle(element).color;
  element.style.color = before;
  const [red = '0', green = '0', blue = '0'] = colour.match(/\d+/g) ?? [];
  return `#${[red, green, blue].map((part) => Number(part).toString(16).padStart(2, '0')).join('')}`;
}
