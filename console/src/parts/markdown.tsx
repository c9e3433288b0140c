import { lazy, memo, Suspense } from 'react';
import { visibleText } from '../text/visible-text.ts';

const RenderedMarkdown = lazy(() =>
  import('./rendered-markdown.tsx').then((loaded) => ({ default: loaded.RenderedMarkdown })),
);

/** An answer of a model. Until the renderer is there, and for very long answers, it is plain text. */
const MARKDOWN_CHARACTERS = 60_000;

export const Markdown = memo(function Markdown({ text }: { text: string }) {
  const plain = <p className="plain">{visibleText(text)}</p>;
  if (text.length > MARKDOWN_CHARACTERS) return plain;
  return (
    <Suspense fallback={plain}>
      <RenderedMarkdown text={visibleText(text)} />
    </Suspense>
  );
});
