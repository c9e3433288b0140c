/** What a run waits for. */
export interface Wait {
  id: string;
  kind: string;
  state: string;
  summary: string;
}
