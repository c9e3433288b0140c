import { createHighlighterCore, type HighlighterCore } from 'shiki/core';
import { createJavaScriptRegexEngine } from 'shiki/engine/javascript';
import darkTheme from 'shiki/themes/github-dark-high-contrast.mjs';
import lightTheme from 'shiki/themes/github-light-high-contrast.mjs';

export interface ColoredToken {
  content: string;
  offset: number;
  light: string;
  dark: string;
}

const languages = {
  bash: () => import('shiki/langs/bash.mjs'),
  css: () => import('shiki/langs/css.mjs'),
  diff: () => import('shiki/langs/diff.mjs'),
  json: () => import('shiki/langs/json.mjs'),
  python: () => import('shiki/langs/python.mjs'),
  sql: () => import('shiki/langs/sql.mjs'),
  typescript: () => import('shiki/langs/typescript.mjs'),
  yaml: () => import('shiki/langs/yaml.mjs'),
};

const otherNames: Readonly<Record<string, keyof typeof languages>> = {
  sh: 'bash',
  shell: 'bash',
  javascript: 'typescript',
  js: 'typescript',
  py: 'python',
  ts: 'typescript',
  yml: 'yaml',
};

let loading: Promise<HighlighterCore> | null = null;

function open(): Promise<HighlighterCore> {
  loading ??= createHighlighterCore({
    themes: [lightTheme, darkTheme],
    langs: [],
    // Written in JavaScript: the usual engine is WebAssembly, which the content security policy does not allow.
    engine: createJavaScriptRegexEngine({ forgiving: true }),
  });
  return loading;
}

/** The coloured pieces of each line; null for a language that is not known. */
export async function highlight(text: string, language: string): Promise<ColoredToken[][] | null> {
  const name = otherNames[language] ?? language;
  if (!Object.hasOwn(languages, name)) return null;
  const highlighter = await open();
  await highlighter.loadLanguage(languages[name as keyof typeof languages]());
  const tokens = highlighter.codeToTokensWithThemes(text, {
    lang: name,
    themes: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
  });
  return tokens.map((line) =>
    line.map(({ content, offset, variants: { light, dark } }) => ({
      content,
      offset,
      light: light?.color ?? 'inherit',
      dark: dark?.color ?? 'inherit',
    })),
  );
}
