/** Turns texts into vectors, so that texts with a similar meaning have similar vectors. */
export interface Embedder {
  /** Vectors of different models cannot be compared. */
  model: string;
  /**
   * Resolves with one vector per text, in the order of the texts. Rejects with a ModelError if the call fails, if the
   * provider sends nothing for `timeoutSeconds`, or if it does not return one vector for each text. Rejects with the
   * signal's reason if the signal aborts.
   */
  embed(texts: readonly string[], options: { signal: AbortSignal; timeoutSeconds: number }): Promise<Embedded>;
}

export interface Embedded {
  vectors: Float32Array[];
  /** As the provider counted them; null if it did not. */
  tokens: number | null;
}
