import type { ReactNode } from 'react';
import { messageOf } from '../gateway/accept.ts';

/** Keeps the layout still while something is loading. */
export function Skeleton({ rows = 6 }: { rows?: number }) {
  return (
    <div className="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all the same
        <span key={index} style={{ width: `${92 - ((index * 17) % 40)}%` }} />
      ))}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

const advice: Readonly<Record<string, string>> = {
  INTERNAL_SERVER_ERROR: 'The log of the gateway says more. The page tries again by itself.',
  OFFLINE: 'The page keeps what it has and tries again by itself.',
  FORBIDDEN: 'The token of this sign-in has no scope for it.',
  RATE_LIMITED: 'Wait for a moment; the page tries again by itself.',
};

/** What happened and what to do. */
export function Problem({ error, children }: { error: unknown; children?: ReactNode }) {
  const code = (error as { code?: string } | null)?.code ?? '';
  return (
    <div className="problem" role="alert">
      <strong>{messageOf(error).replace(/\.?$/, '.')}</strong>
      {advice[code] !== undefined && <span> {advice[code]}</span>}
      {children}
    </div>
  );
}
