import { json } from '../text/figures.ts';
import { visibleText } from '../text/visible-text.ts';
import { Code } from './code.tsx';

/** A JSON value. Characters that nobody sees are written out. */
export function JsonView({ value }: { value: unknown }) {
  if (typeof value === 'string') return <pre className="code">{visibleText(value)}</pre>;
  return <Code text={visibleText(json(value))} language="json" />;
}
