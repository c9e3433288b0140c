/** What the fake model is told to answer. */
export interface Prompt {
  tokens: number;
  /** Milliseconds between tokens; 0 for all at once. */
  pace: number;
  /** Characters of a token, the blank behind it included. */
  width?: number;
  /** To say one token and then nothing, to say each when it is told to, or to ask for a tool before it answers. */
  more?: 'hold' | 'step' | `call=${string}`;
}

const TOKEN_CHARACTERS = 14;

export function promptText({ tokens, pace, width = TOKEN_CHARACTERS, more }: Prompt): string {
  return `bench tokens=${tokens} pace=${pace} width=${width}${more ? ` ${more}` : ''}`;
}

/** When each token of a text was sent by the model. A text ends where a token ends. */
export function sentTimes(text: string): number[] {
  return text
    .split(' ')
    .filter((token) => token !== '')
    .map((token) => Number.parseFloat(token));
}

/** Tokens in a text. */
export function countTokens(text: string): number {
  let count = 0;
  for (let at = text.indexOf(' '); at >= 0; at = text.indexOf(' ', at + 1)) count += 1;
  return count;
}
