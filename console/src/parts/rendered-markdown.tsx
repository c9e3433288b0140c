import ReactMarkdown, { type Components } from 'react-markdown';
import remarkGfm from 'remark-gfm';
import { Code } from './code.tsx';

const plugins = [remarkGfm];

/** Where a link leads stands beside its text, and nothing is loaded from another host. */
const components: Components = {
  a({ href = '', children }) {
    const isPlain = children === href;
    return (
      <>
        {!isPlain && children}{' '}
        <a href={href} target="_blank" rel="noopener noreferrer nofollow">
          {href}
        </a>
      </>
    );
  },
  img: ({ src, alt }) => (
    <span className="left-out">
      [image {alt} at {String(src)}, not loaded]
    </span>
  ),
  pre: ({ children }) => <>{children}</>,
  code({ className, children }) {
    const text = String(children);
    const language = /language-([\w-]+)/.exec(className ?? '')?.[1] ?? null;
    if (language === null && !text.includes('\n')) return <code>{text}</code>;
    return <Code text={text.replace(/\n$/, '')} language={language ?? 'text'} />;
  },
};

/** Only elements that markdown makes: HTML in the text is text. */
export function RenderedMarkdown({ text }: { text: string }) {
  return (
    <div className="markdown" dir="auto">
      <ReactMarkdown remarkPlugins={plugins} components={components}>
        {text}
      </ReactMarkdown>
    </div>
  );
}
