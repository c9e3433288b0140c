/** The part of a model's window that is left for its answer. */
const ANSWER_SHARE = 0.2;
/** More than this of the window, and older history is summarised. */
const COMPACTION_SHARE = 0.75;
/** What memories may take of the window. */
const MEMORY_SHARE = 0.1;
/** What stays verbatim when history is summarised. */
const KEPT_SHARE = 0.25;
/** What a summary may take of the window. */
const SUMMARY_SHARE = 0.15;

/** How the window of a model is divided, in estimated tokens. */
export interface TokenBudget {
  /** Everything that is sent. */
  input: number;
  compactAbove: number;
  memories: number;
  kept: number;
  summary: number;
}

/**
 * @param contextTokens what the model can be shown at once, its answer included
 * @param ratio of the tokens that its provider counts to those that are estimated
 */
export function tokenBudget(contextTokens: number, ratio: number): TokenBudget {
  const estimated = contextTokens / ratio;
  return {
    input: Math.floor(estimated * (1 - ANSWER_SHARE)),
    compactAbove: Math.floor(estimated * COMPACTION_SHARE),
    memories: Math.floor(estimated * MEMORY_SHARE),
    kept: Math.floor(estimated * KEPT_SHARE),
    summary: Math.floor(estimated * SUMMARY_SHARE),
  };
}
