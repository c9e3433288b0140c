import type { ReactNode } from 'react';
import { strictText, visibleText } from '../text/visible-text.ts';

/** Text that somebody else wrote, on one line. It cannot change the order of what stands around it. */
export function Words({ children, isStrict = false }: { children: string; isStrict?: boolean }) {
  return <bdi className="words">{isStrict ? strictText(children) : visibleText(children)}</bdi>;
}

/** The words of a model, a tool or a user, marked as theirs. */
export function Quote({ by, children }: { by: string; children: string }) {
  return (
    <blockquote className="quote" aria-label={`Words of ${by}`}>
      <bdi dir="auto">{visibleText(children)}</bdi>
    </blockquote>
  );
}

/** Name and value pairs. */
export function Facts({ children }: { children: ReactNode }) {
  return <dl className="facts">{children}</dl>;
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
