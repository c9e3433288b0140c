import { useEffect, useState } from 'react';
import type { ColoredToken } from './highlight.ts';

/** Longer texts stay plain: colouring them would hold up the page. */
const COLOURED_CHARACTERS = 20_000;

/** Source text. Colours come when the highlighter is loaded. */
export function Code({ text, language }: { text: string; language: string }) {
  const [lines, setLines] = useState<{ text: string; tokens: readonly (readonly ColoredToken[])[] } | null>(null);
  useEffect(() => {
    if (text.length > COLOURED_CHARACTERS) return;
    let isCurrent = true;
    void import('./highlight.ts')
      .then(({ highlight }) => highlight(text, language))
      .then((tokens) => isCurrent && tokens !== null && setLines({ text, tokens }))
      // Without an answer of the gateway the text stays plain.
      .catch(() => undefined);
    return () => {
      isCurrent = false;
    };
  }, [text, language]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable with the keyboard
    <pre className="code" tabIndex={0}>
      <code>
        {lines?.text === text
          ? lines.tokens.map((tokens, index) => <Line key={String(index)} tokens={tokens} />)
          : text}
      </code>
    </pre>
  );
}

function Line({ tokens }: { tokens: readonly ColoredToken[] }) {
  return (
    <>
      {tokens.map(({ content, light, dark, offset }) => (
        <span key={offset} style={{ color: `light-dark(${light}, ${dark})` }}>
          {content}
        </span>
      ))}
      {'\n'}
    </>
  );
}
