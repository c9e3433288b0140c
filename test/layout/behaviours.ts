import type { Files } from './checks.ts';

/** Numbers of behaviours in a text: `B14`. */
function numbersIn(text: string): number[] {
  return [...text.matchAll(/\bB(\d{1,3})\b/g)].map(([, digits]) => Number(digits));
}

/** Behaviours that a test names and the page does not describe, and described ones that no test names. */
export function behaviourProblems(files: Files): string[] {
  const page = files.get('docs/behaviours.md') ?? '';
  const described = new Set([...page.matchAll(/^- \*\*B(\d{1,3})\*\* /gm)].map(([, digits]) => Number(digits)));
  const tests = [...files].filter(([path]) => /^test\/(?!layout\/)/.test(path));
  const problems = tests.flatMap(([path, text]) =>
    [...new Set(numbersIn(text))]
      .filter((number) => !described.has(number))
      .map((number) => `${path} names B${number}, which docs/behaviours.md does not describe`),
  );
  const named = new Set(tests.flatMap(([, text]) => numbersIn(text)));
  const untested = [...described].filter((number) => !named.has(number));
  return [...problems, ...untested.map((number) => `docs/behaviours.md describes B${number}, which no test names`)];
}
