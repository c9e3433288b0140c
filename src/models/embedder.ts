/** Gives texts places in a space in which what means the same stands close together. */
export interface Embedder {
  /** Vectors of different models can not be compared. */
  model: string;
  /**
   * One vector for each text, in their order. Rejects with a ModelError; rejects with the signal's reason where it aborts.
   * Waits no longer than it is told.
   */
  embed(texts: readonly string[], options: { signal: AbortSignal; patienceSeconds: number }): Promise<Float32Array[]>;
}
