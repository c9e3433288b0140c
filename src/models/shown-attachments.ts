import { ATTACHMENT_TEXT_BYTES, MODEL_ATTACHMENT_BYTES } from '../config/limits.ts';
import { attachmentKindOf, canRead } from '../domain/attachment.ts';
import type { AttachmentKind, AttachmentRef } from '../domain/events.ts';
import { beginningOf } from '../domain/storable-text.ts';
import type { Message } from '../domain/transcript.ts';
import type { ModelMessage, ModelRequest, ShownAttachment, UserPart } from './model.ts';

/**
 * Decides what a model is shown of the attachments of a conversation: images and PDF files that it can read, and the text of text
 * files, the newest ones that fit within MODEL_ATTACHMENT_BYTES. The same messages and kinds always give the same forms.
 */
export function withForms(messages: readonly Message[], kinds: readonly AttachmentKind[]): ModelMessage[] {
  let left = MODEL_ATTACHMENT_BYTES;
  const formOf = (attachment: AttachmentRef) => {
    if (!canRead(kinds, attachment)) return 'unreadable';
    const isText = attachmentKindOf(attachment.mediaType) === 'text';
    left -= isText ? Math.min(attachment.bytes, ATTACHMENT_TEXT_BYTES) : attachment.bytes;
    if (left < 0) return 'left-out';
    return isText ? 'text' : 'file';
  };
  const newestFirst = messages.toReversed().map((message) => {
    if (message.role !== 'user' || !message.attachments) return message as ModelMessage;
    const attachments = message.attachments.map((attachment) => ({ ...attachment, form: formOf(attachment) }) as const);
    return { ...message, attachments };
  });
  return newestFirst.reverse();
}

/** Adds the files to a request, in the forms that were decided. Returns a request without attachments unchanged. */
export async function withAttachments(
  request: ModelRequest,
  /** Reads all bytes of an attachment. */
  read: (attachment: AttachmentRef) => Promise<Buffer>,
): Promise<ModelRequest> {
  if (request.messages.every((message) => message.role !== 'user' || !message.attachments)) return request;
  const contents = new Map<string, Promise<Buffer>>();
  const readOnce = (attachment: AttachmentRef) => {
    const content = contents.get(attachment.sha256) ?? read(attachment);
    contents.set(attachment.sha256, content);
    return content;
  };

  async function partOf(attachment: ShownAttachment): Promise<UserPart> {
    const { name, mediaType, bytes, form } = attachment;
    const description = `${JSON.stringify(name)}, ${mediaType}, ${bytes} bytes`;
    if (form === 'unreadable') return note(`[Attached file ${description}. This model cannot read it.]`);
    if (form === 'left-out') return note(`[Attached file ${description}. It is not shown again.]`);
    const content = await readOnce(attachment);
    if (form === 'file') return { type: 'file', name, mediaType, bytes: content };
    const rest = bytes > ATTACHMENT_TEXT_BYTES ? `\n[The file continues: ${bytes} bytes in total.]` : '';
    return note(`Attached file ${description}:\n${beginningOf(content, ATTACHMENT_TEXT_BYTES)}${rest}`);
  }

  const messages: ModelMessage[] = [];
  for (const message of request.messages) {
    if (message.role !== 'user' || !message.attachments) {
      messages.push(message);
      continue;
    }
    const parts: UserPart[] = [note(message.text)];
    for (const attachment of message.attachments) parts.push(await partOf(attachment));
    messages.push({ ...message, parts });
  }
  return { ...request, messages };
}

const note = (text: string): UserPart => ({ type: 'text', text });
