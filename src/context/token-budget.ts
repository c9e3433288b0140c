/** Share of the context window that is reserved for the response. */
const RESPONSE_SHARE = 0.2;
/** Above this share of the context window, older history is summarised. */
const COMPACTION_SHARE = 0.75;
const MEMORY_SHARE = 0.1;
/** What stays verbatim when a run summarises its history. */
const VERBATIM_SHARE = 0.25;
const SUMMARY_SHARE = 0.15;

/** How the context window of a model is divided, in estimated tokens. */
export interface TokenBudget {
  /** Everything that is sent. */
  input: number;
  /** A larger request makes a run summarise its history. */
  compactAbove: number;
  memories: number;
  /** The newest messages, which are not summarised. */
  verbatim: number;
  summary: number;
}

/**
 * @param contextTokens size of the context window as the provider counts it, output included
 * @param ratio counted tokens per estimated token
 */
export function tokenBudget(contextTokens: number, ratio: number): TokenBudget {
  const estimated = contextTokens / ratio;
  return {
    input: Math.floor(estimated * (1 - RESPONSE_SHARE)),
    compactAbove: Math.floor(estimated * COMPACTION_SHARE),
    memories: Math.floor(estimated * MEMORY_SHARE),
    verbatim: Math.floor(estimated * VERBATIM_SHARE),
    summary: Math.floor(estimated * SUMMARY_SHARE),
  };
}
