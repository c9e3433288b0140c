import { lazy, memo, Suspense } from 'react';
import { visibleText } from '../text/visible-text.ts';

/**
 * Stays plain until the page is loaded again if the gateway does not answer: browsers do not repeat an import that failed, and an
 * error would replace the whole screen.
 */
const RenderedMarkdown = lazy(() =>
  import('./rendered-markdown.tsx').then(
    (loaded) => ({ default: loaded.RenderedMarkdown }),
    () => ({ default: PlainText }),
  ),
);

function PlainText({ text }: { text: string }) {
  return <p className="plain">{text}</p>;
}

/** An answer of a model. Until the renderer is there, and for very long answers, it is plain text. */
const MARKDOWN_CHARACTERS = 60_000;

export const Markdown = memo(function Markdown({ text }: { text: string }) {
  const visible = visibleText(text);
  const plain = <PlainText text={visible} />;
  if (text.length > MARKDOWN_CHARACTERS) return plain;
  return (
    <Suspense fallback={plain}>
      <RenderedMarkdown text={visible} />
    </Suspense>
  );
});
