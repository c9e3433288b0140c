import { ATTACHMENT_TEXT_BYTES, MODEL_ATTACHMENT_BYTES } from '../config/limits.ts';
import { type AttachmentKind, attachmentKindOf, canRead } from '../domain/attachment.ts';
import type { AttachmentRef } from '../domain/events.ts';
import { beginningOf } from '../domain/storable-text.ts';
import type { ModelRequest, UserPart } from './model.ts';

/** Reads all bytes of an attachment. */
type ReadAttachment = (attachment: AttachmentRef) => Promise<Buffer>;

/**
 * Adds what a model is shown of the attachments of a request: images and PDF files that it can read, the text of text files, and a
 * note for everything else. The newest files that fit within MODEL_ATTACHMENT_BYTES are shown. The same messages and kinds always
 * give the same parts. Returns a request without attachments unchanged.
 */
export async function withAttachments(
  request: ModelRequest,
  kinds: readonly AttachmentKind[],
  read: ReadAttachment,
): Promise<ModelRequest> {
  if (request.messages.every((message) => message.role !== 'user' || !message.attachments)) return request;
  let left = MODEL_ATTACHMENT_BYTES;
  const contents = new Map<string, Promise<Buffer>>();
  const readOnce = (attachment: AttachmentRef) => {
    const content = contents.get(attachment.sha256) ?? read(attachment);
    contents.set(attachment.sha256, content);
    return content;
  };

  async function partOf(attachment: AttachmentRef): Promise<UserPart> {
    const { name, mediaType, bytes } = attachment;
    const description = `${JSON.stringify(name)}, ${mediaType}, ${bytes} bytes`;
    if (!canRead(kinds, attachment)) return note(`[Attached file ${description}. This model cannot read it.]`);
    const isText = attachmentKindOf(mediaType) === 'text';
    left -= isText ? Math.min(bytes, ATTACHMENT_TEXT_BYTES) : bytes;
    if (left < 0) return note(`[Attached file ${description}. It is not shown again.]`);
    const content = await readOnce(attachment);
    if (!isText) return { type: 'file', name, mediaType, bytes: content };
    const rest = bytes > ATTACHMENT_TEXT_BYTES ? `\n[The file continues: ${bytes} bytes in total.]` : '';
    return note(`Attached file ${description}:\n${beginningOf(content, ATTACHMENT_TEXT_BYTES)}${rest}`);
  }

  const messages: ModelRequest['messages'][number][] = [];
  for (const message of request.messages.toReversed()) {
    if (message.role !== 'user' || !message.attachments) {
      messages.unshift(message);
      continue;
    }
    const parts: UserPart[] = [note(message.text)];
    for (const attachment of message.attachments) parts.push(await partOf(attachment));
    messages.unshift({ ...message, parts });
  }
  return { ...request, messages };
}

const note = (text: string): UserPart => ({ type: 'text', text });
