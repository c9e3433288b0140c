/** How far estimates and what providers count lie apart, learnt while the server runs. */
export interface TokenMeter {
  /** Of the tokens that the model's provider counts to those that are estimated; 1 as long as nothing is known. */
  ratio(model: string): number;
  observe(model: string, observation: { estimated: number; counted: number }): void;
}

/** Weight of the newest observation. */
const WEIGHT = 0.3;
/** A short request says more of the provider's own frame than of its tokens. */
const LEAST_TOKENS = 200;
/** A provider that counts something else altogether does not empty the window, or overfill it. */
const LOWEST = 0.8;
const HIGHEST = 3;

/** Kept in memory: it is learnt again with the first answers after a start, and costs no read. */
export function createTokenMeter(): TokenMeter {
  const ratios = new Map<string, number>();
  const ratio = (model: string) => ratios.get(model) ?? 1;
  return {
    ratio,
    observe(model, { estimated, counted }) {
      if (estimated < LEAST_TOKENS || counted <= 0) return;
      const seen = Math.min(HIGHEST, Math.max(LOWEST, counted / estimated));
      ratios.set(model, ratio(model) + WEIGHT * (seen - ratio(model)));
    },
  };
}
