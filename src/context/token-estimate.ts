import { ATTACHMENT_TEXT_BYTES } from '../config/limits.ts';
import { attachmentKindOf } from '../domain/attachment.ts';
import type { AttachmentRef } from '../domain/events.ts';
import type { Message } from '../domain/transcript.ts';

/** Bytes of ordinary text per token, an average over common tokenisers. */
export const BYTES_PER_TOKEN = 4;
/** What a message costs in addition to its text: role and separators. */
const TOKENS_PER_MESSAGE = 4;

export function estimateTokens(text: string): number {
  return tokensOfBytes(Buffer.byteLength(text));
}

/** The estimate for a text of this length in UTF-8. */
export function tokensOfBytes(bytes: number): number {
  return Math.ceil(bytes / BYTES_PER_TOKEN);
}

export function estimateMessages(messages: readonly Message[]): number {
  return messages.reduce((sum, message) => sum + estimateMessage(message), 0);
}

function estimateMessage(message: Message): number {
  const calls = message.role === 'assistant' ? message.calls : [];
  const callTokens = calls.reduce((sum, { tool, input }) => sum + estimateTokens(tool + JSON.stringify(input)), 0);
  const attachments = message.role === 'user' ? (message.attachments ?? []) : [];
  const attachmentTokens = attachments.reduce((sum, attachment) => sum + estimateAttachment(attachment), 0);
  return TOKENS_PER_MESSAGE + estimateTokens(message.text) + callTokens + attachmentTokens;
}

/** What many models count for a large image, which they scale down. The size of an image is not known without a decoder. */
const IMAGE_TOKENS = 1600;
/** A page of a PDF file is read as text and as an image. Its number of pages is not known without a parser. */
const PAGE_TOKENS = 3000;
const PDF_PAGE_BYTES = 100 * 1024;
/** Providers refuse files with more pages. */
const MAX_PAGES = 100;
/** The name and the media type. */
const NOTE_TOKENS = 30;

function estimateAttachment({ mediaType, bytes }: AttachmentRef): number {
  switch (attachmentKindOf(mediaType)) {
    case 'image':
      return IMAGE_TOKENS;
    case 'pdf':
      return PAGE_TOKENS * Math.min(MAX_PAGES, Math.ceil(bytes / PDF_PAGE_BYTES));
    case 'text':
      return NOTE_TOKENS + tokensOfBytes(Math.min(bytes, ATTACHMENT_TEXT_BYTES));
    case null:
      return NOTE_TOKENS;
  }
}

/**
 * Learns how estimates relate to what providers count. Kept in memory only: the first responses after a start teach it
 * again.
 */
export interface TokenMeter {
  /** Counted tokens per estimated token; 1 until something is known about the model. */
  ratio(model: string): number;
  observe(model: string, observation: { estimated: number; counted: number }): void;
}

/** Weight of the newest observation in the moving average. */
const WEIGHT = 0.3;
/** In shorter requests, the provider's own additions outweigh the text. */
const MIN_OBSERVED_TOKENS = 200;
/** Bounds of an observation, for providers that count something else entirely. */
const MIN_RATIO = 0.8;
const MAX_RATIO = 3;

export function createTokenMeter(): TokenMeter {
  const ratios = new Map<string, number>();
  const ratio = (model: string) => ratios.get(model) ?? 1;
  return {
    ratio,
    observe(model, { estimated, counted }) {
      if (estimated < MIN_OBSERVED_TOKENS || counted <= 0) return;
      const observed = Math.min(MAX_RATIO, Math.max(MIN_RATIO, counted / estimated));
      ratios.set(model, ratio(model) + WEIGHT * (observed - ratio(model)));
    },
  };
}
