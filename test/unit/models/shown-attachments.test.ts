import { describe, expect, test } from 'vitest';
import { ATTACHMENT_TEXT_BYTES, MODEL_ATTACHMENT_BYTES } from '../../../src/config/limits.ts';
import type { AttachmentKind, AttachmentRef } from '../../../src/domain/events.ts';
import type { Message } from '../../../src/domain/transcript.ts';
import type { ModelRequest } from '../../../src/models/model.ts';
import { withAttachments, withForms } from '../../../src/models/shown-attachments.ts';

const file = (name: string, more: Partial<AttachmentRef> = {}): AttachmentRef => ({
  id: `att_${name}`,
  name,
  mediaType: 'image/png',
  bytes: 10,
  sha256: name,
  ...more,
});

const messagesOf = (...messages: AttachmentRef[][]): Message[] =>
  messages.map((attachments, index) => ({
    role: 'user',
    text: `message ${index}`,
    ...(attachments.length > 0 && { attachments }),
  }));

const requestOf = (messages: Message[], kinds: readonly AttachmentKind[]): ModelRequest => ({
  instructions: '',
  messages: withForms(messages, kinds),
  tools: [],
});

async function shown(messages: Message[], kinds: readonly AttachmentKind[] = ['image', 'pdf']) {
  const reads: string[] = [];
  const read = async ({ name }: AttachmentRef) => {
    reads.push(name);
    return Buffer.from(`content of ${name}`);
  };
  const request = await withAttachments(requestOf(messages, kinds), read);
  const parts = request.messages.map((message) =>
    message.role === 'user'
      ? message.parts?.map((part) => (part.type === 'text' ? part.text : `${part.name} ${Buffer.from(part.bytes)}`))
      : undefined,
  );
  return { parts, reads };
}

describe('what a model is shown', () => {
  test('is the request itself if there are no attachments', async () => {
    const request = requestOf(messagesOf([], []), ['image']);
    expect(await withAttachments(request, () => Promise.reject(new Error('not read')))).toBe(request);
  });

  test('is the message, and then the files in its order', async () => {
    const { parts } = await shown(messagesOf([], [file('a'), file('b', { mediaType: 'application/pdf' })]));
    expect(parts).toEqual([undefined, ['message 1', 'a content of a', 'b content of b']]);
  });

  test('is a note for what it cannot read, and the text of text files', async () => {
    const text = file('t', { mediaType: 'text/plain', bytes: 12 });
    const { parts, reads } = await shown(messagesOf([file('a'), text]), []);
    expect(parts).toEqual([
      [
        'message 0',
        '[Attached file "a", image/png, 10 bytes. This model cannot read it.]',
        'Attached file "t", text/plain, 12 bytes:\ncontent of t',
      ],
    ]);
    expect(reads).toEqual(['t']);
  });

  test('has the newest files that fit, and reads equal bytes once', async () => {
    const half = { bytes: MODEL_ATTACHMENT_BYTES / 2 };
    const { parts, reads } = await shown(
      messagesOf([file('old', half)], [file('same', half)], [file('same', half), file('new', { bytes: 0 })]),
    );
    expect(parts).toEqual([
      ['message 0', `[Attached file "old", image/png, ${half.bytes} bytes. It is not shown again.]`],
      ['message 1', 'same content of same'],
      ['message 2', 'same content of same', 'new content of new'],
    ]);
    expect(reads.toSorted()).toEqual(['new', 'same']);
  });

  test('counts of a text file no more than what is shown of it, and says that it continues', async () => {
    const long = file('long', { mediaType: 'text/plain', bytes: ATTACHMENT_TEXT_BYTES + 1 });
    const whole = file('whole', { mediaType: 'text/plain', bytes: ATTACHMENT_TEXT_BYTES });
    const rest = file('rest', { bytes: MODEL_ATTACHMENT_BYTES - 2 * ATTACHMENT_TEXT_BYTES });
    const { parts } = await shown(messagesOf([rest], [whole], [long]));
    expect(parts).toEqual([
      ['message 0', 'rest content of rest'],
      ['message 1', `Attached file "whole", text/plain, ${whole.bytes} bytes:\ncontent of whole`],
      [
        'message 2',
        `Attached file "long", text/plain, ${long.bytes} bytes:\ncontent of long\n[The file continues: ${long.bytes} bytes in total.]`,
      ],
    ]);
  });

  test('does not depend on anything but the messages and the abilities', async () => {
    const messages = messagesOf([file('a')], [file('b')]);
    expect(await shown(messages)).toEqual(await shown(messages));
  });
});
