import type { DocumentNode } from 'graphql';

/** Of one token in a document that was read: its place in the list of tokens, its node, and their locations. */
const TOKEN_BYTES = 512;
/** Of one character: comments are tokens that nobody counts, and the shortest has two. */
const CHARACTER_BYTES = 64;

/** Documents that were found right, by their texts. Those that were asked last, as many as fit. */
export interface KnownDocuments {
  find(text: string): DocumentNode | null;
  keep(text: string, document: DocumentNode): void;
}

/** @param mostBytes of all together, as an upper bound: a document takes a hundred times the room of its text */
export function createKnownDocuments(mostBytes: number): KnownDocuments {
  const known = new Map<string, { document: DocumentNode; bytes: number }>();
  let total = 0;

  function forget(text: string): void {
    total -= known.get(text)?.bytes ?? 0;
    known.delete(text);
  }

  return {
    find(text) {
      const found = known.get(text);
      if (!found) return null;
      known.delete(text);
      known.set(text, found);
      return found.document;
    },
    keep(text, document) {
      const bytes = (document.tokenCount ?? text.length) * TOKEN_BYTES + text.length * CHARACTER_BYTES;
      // One that would push out most others is hardly asked twice: its length is a message that stands in it.
      if (bytes > mostBytes / 4) return;
      forget(text);
      known.set(text, { document, bytes });
      total += bytes;
      for (const oldest of known.keys()) {
        if (total <= mostBytes) break;
        forget(oldest);
      }
    },
  };
}
