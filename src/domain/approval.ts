import type { Json } from './events.ts';

/** Characters of the input that a summary shows. */
const SUMMARY_CHARACTERS = 300;

/** One line that lets a person judge a call: which tool, with which input. */
export function summarise(tool: string, input: Json): string {
  const text = JSON.stringify(input);
  const shown = text.length > SUMMARY_CHARACTERS ? `${text.slice(0, SUMMARY_CHARACTERS).toWellFormed()}…` : text;
  return `${tool} ${shown}`;
}

export interface Grant {
  tool: string;
  /** Epoch milliseconds; null for the rest of the session. */
  expiresAt: number | null;
}

/** Whether a remembered approval lets the tool run without asking again. */
export function covers(grants: readonly Grant[], tool: string, now: number): boolean {
  return grants.some((grant) => grant.tool === tool && (grant.expiresAt === null || grant.expiresAt > now));
}
