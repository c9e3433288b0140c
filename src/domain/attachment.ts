import type { AttachmentKind, AttachmentRef } from './events.ts';

/** The image types that every provider with image input accepts. */
const imageTypes: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);
export const PDF_TYPE = 'application/pdf';
export const TEXT_TYPE = 'text/plain';

/** Null for a type that no model is shown. */
export function attachmentKindOf(mediaType: string): AttachmentKind | null {
  if (imageTypes.has(mediaType)) return 'image';
  if (mediaType === PDF_TYPE) return 'pdf';
  return mediaType === TEXT_TYPE ? 'text' : null;
}

/** Whether a model that reads these kinds of files beside text can be shown the attachment. */
export function canRead(kinds: readonly AttachmentKind[], { mediaType }: Pick<AttachmentRef, 'mediaType'>): boolean {
  const kind = attachmentKindOf(mediaType);
  return kind === 'text' || (kind !== null && kinds.includes(kind));
}
