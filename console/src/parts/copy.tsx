import { useState } from 'react';
import { shortId } from '../text/figures.ts';
import { CheckIcon, CopyIcon } from './icons.tsx';

const CONFIRMED_MILLISECONDS = 1_200;

export function Copy({ text, what }: { text: string; what: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = () => {
    void navigator.clipboard.writeText(text).then(() => {
      setCopied(true);
      setTimeout(() => setCopied(false), CONFIRMED_MILLISECONDS);
    });
  };
  return (
    <button type="button" className="icon-button" onClick={copy} aria-label={`Copy ${what}`} title={`Copy ${what}`}>
      {isCopied ? <CheckIcon /> : <CopyIcon />}
    </button>
  );
}

/** Short, with the whole id on hover and to copy. */
export function Id({ id }: { id: string }) {
  return (
    <span className="id">
      <code title={id}>{shortId(id)}</code>
      <Copy text={id} what={`the id ${id}`} />
    </span>
  );
}
