/** What the fake model answers. */
export interface Prompt {
  tokens: number;
  /** Milliseconds between tokens; 0 sends all at once. */
  paceMilliseconds: number;
  /** Length of a token, including the space at its end. */
  tokenCharacters?: number;
  /** `hold` sends one token and never ends, `step` sends a token per request to `/step`, `call=` calls a tool first. */
  behaviour?: 'hold' | 'step' | `call=${string}`;
}

const DEFAULT_TOKEN_CHARACTERS = 14;

/** The message that makes the fake model answer like this. */
export function promptText({ tokens, paceMilliseconds, tokenCharacters, behaviour }: Prompt): string {
  const width = tokenCharacters ?? DEFAULT_TOKEN_CHARACTERS;
  return `bench tokens=${tokens} pace=${paceMilliseconds} width=${width}${behaviour ? ` ${behaviour}` : ''}`;
}

/** When the model sent each token of a text, which consists of whole tokens. */
export function sentTimes(text: string): number[] {
  return text
    .split(' ')
    .filter((token) => token !== '')
    .map((token) => Number.parseFloat(token));
}

/** Each token ends with a space. */
export function countTokens(text: string): number {
  let count = 0;
  for (let index = text.indexOf(' '); index >= 0; index = text.indexOf(' ', index + 1)) count += 1;
  return count;
}
