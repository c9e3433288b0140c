/** Our mark: a cassette. */
export const MARK =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="32" height="32" fill="none" stroke="#0d9488" stroke-width="2.5" aria-hidden="true">' +
  '<rect x="2" y="5" width="28" height="22" rx="3.5"/><circle cx="10.5" cy="14" r="3.5"/><circle cx="21.5" cy="14" r="3.5"/>' +
  '<path d="M14 17.5h4M8 27l2.5-5h11l2.5 5"/></svg>';

export const FAVICON = `data:image/svg+xml;base64,${Buffer.from(MARK).toString('base64')}`;

/** On narrow screens the panes of the explorer are below each other, at their full width. */
export const NARROW_SCREEN_CSS = `
@media (max-width: 700px) {
  .graphiql-container > .graphiql-container { position: relative; flex-direction: column; overflow-y: auto; }
  .graphiql-container .graphiql-sidebar { flex: none; flex-direction: row; width: auto; }
  .graphiql-container .graphiql-sidebar > button { margin-top: 0 !important; }
  .graphiql-container .graphiql-main { flex: none; flex-direction: column; width: 100%; }
  .graphiql-container .graphiql-horizontal-drag-bar { display: none; }
  .graphiql-container .graphiql-plugin { flex: none !important; width: auto; max-height: 50vh; overflow: auto; }
  .graphiql-container .graphiql-sessions { flex: none !important; min-width: 0; margin: 0 8px 8px; }
  .graphiql-container #graphiql-session { flex-direction: column; }
  .graphiql-container .graphiql-editors,
  .graphiql-container .graphiql-response { flex: none !important; height: 65vh; }
}
`;

/** Results of a subscription that the response pane lists. */
const LISTED_RESULTS = 200;
/** Time between two updates of the list: the editor formats all of it again. */
const UPDATE_MILLISECONDS = 100;

/**
 * Runs in the page before GraphiQL, which shows only the newest result of a subscription. It defines `listResults`, which
 * wraps the fetcher of GraphiQL so that each value of a subscription is the list of its results, newest first. An async
 * generator would not do: its `return` waits for the next result, so an idle subscription could not be ended.
 */
export const LIST_RESULTS_SCRIPT = `
(() => {
  const wrappers = new WeakMap();

  globalThis.listResults = (fetcher) => {
    const wrapped =
      wrappers.get(fetcher) ??
      (async (...args) => {
        const result = await fetcher(...args);
        return typeof result?.[Symbol.asyncIterator] === 'function' ? listOf(result[Symbol.asyncIterator]()) : result;
      });
    wrappers.set(fetcher, wrapped);
    return wrapped;
  };

  function listOf(results) {
    const newestFirst = [];
    let received = 0;
    let hasNews = false;
    let hasEnded = false;
    let failure = null;
    let wake = () => {};

    async function readAll() {
      try {
        for (let next = await results.next(); !next.done && !hasEnded; next = await results.next()) {
          received += 1;
          newestFirst.unshift(next.value.errors ? next.value : next.value.data);
          newestFirst.length = Math.min(newestFirst.length, ${LISTED_RESULTS});
          hasNews = true;
          wake();
        }
      } catch (error) {
        failure = { error };
      }
      hasEnded = true;
      wake();
    }

    readAll();
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      async next() {
        while (!hasNews && !hasEnded) await new Promise((resolve) => (wake = resolve));
        if (hasNews) {
          // What arrives meanwhile is shown with it.
          if (received > 1 && !hasEnded) await new Promise((resolve) => setTimeout(resolve, ${UPDATE_MILLISECONDS}));
          hasNews = false;
          return { done: false, value: { received, newestFirst } };
        }
        const failed = failure;
        failure = null;
        if (failed) throw failed.error;
        return { done: true, value: undefined };
      },
      async return() {
        hasEnded = true;
        hasNews = false;
        wake();
        await results.return?.();
        return { done: true, value: undefined };
      },
    };
  }
})();
`;

/** The name of the history plugin in the minified program. */
const historyPlugin = /\b(\w+)=\{title:"History",icon:/;

/**
 * Adds the history plugin and the list of results to the page that `@graphql-yoga/render-graphiql` renders: it has options for
 * neither. Throws if the package has changed so that it has to be looked at again.
 */
export function addToGraphiql(html: string): string {
  const [, history] = historyPlugin.exec(html) ?? [];
  if (history === undefined) throw new Error('GraphiQL has no history plugin.');
  const replacements: [string, string][] = [
    ['plugins:[r],', `plugins:[r,${history}],`],
    ['...h,fetcher:s,', '...h,fetcher:globalThis.listResults(s),'],
    [
      '</style>',
      `${NARROW_SCREEN_CSS}</style>\n<meta name="viewport" content="width=device-width, initial-scale=1" />`,
    ],
    ['<div id="root"></div>', `<div id="root"></div><script>${LIST_RESULTS_SCRIPT}</script>`],
  ];
  return replacements.reduce((page, [text, replacement]) => replaceOnce(page, text, replacement), html);
}

function replaceOnce(page: string, text: string, replacement: string): string {
  const start = page.indexOf(text);
  if (start === -1 || page.includes(text, start + 1)) {
    throw new Error(`GraphiQL does not have the text "${text}" once.`);
  }
  return page.slice(0, start) + replacement + page.slice(start + text.length);
}
