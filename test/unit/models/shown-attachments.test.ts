import { describe, expect, test } from 'vitest';
import { MODEL_ATTACHMENT_BYTES } from '../../../src/config/limits.ts';
import type { AttachmentKind } from '../../../src/domain/attachment.ts';
import type { AttachmentRef } from '../../../src/domain/events.ts';
import type { ModelRequest } from '../../../src/models/model.ts';
import { withAttachments } from '../../../src/models/shown-attachments.ts';

const file = (name: string, more: Partial<AttachmentRef> = {}): AttachmentRef => ({
  id: `att_${name}`,
  name,
  mediaType: 'image/png',
  bytes: 10,
  sha256: name,
  ...more,
});

const requestOf = (...messages: AttachmentRef[][]): ModelRequest => ({
  instructions: '',
  messages: messages.map((attachments, index) => ({
    role: 'user',
    text: `message ${index}`,
    ...(attachments.length > 0 && { attachments }),
  })),
  tools: [],
});

async function shown(request: ModelRequest, kinds: readonly AttachmentKind[] = ['image', 'pdf']) {
  const reads: string[] = [];
  const read = async ({ name }: AttachmentRef) => {
    reads.push(name);
    return Buffer.from(`content of ${name}`);
  };
  const { messages } = await withAttachments(request, kinds, read);
  const parts = messages.map((message) =>
    message.parts?.map((part) => (part.type === 'text' ? part.text : `${part.name} ${Buffer.from(part.bytes)}`)),
  );
  return { parts, reads };
}

describe('what a model is shown', () => {
  test('is the request itself if there are no attachments', async () => {
    const request = requestOf([], []);
    expect(await withAttachments(request, [], () => Promise.reject(new Error('not read')))).toBe(request);
  });

  test('is the message, and then the files in its order', async () => {
    const { parts } = await shown(requestOf([], [file('a'), file('b', { mediaType: 'application/pdf' })]));
    expect(parts).toEqual([undefined, ['message 1', 'a content of a', 'b content of b']]);
  });

  test('is a note for what it cannot read, and the text of text files', async () => {
    const text = file('t', { mediaType: 'text/plain', bytes: 12 });
    const { parts, reads } = await shown(requestOf([file('a'), text]), []);
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
      requestOf([file('old', half)], [file('same', half)], [file('same', half), file('new', { bytes: 0 })]),
    );
    expect(parts).toEqual([
      ['message 0', `[Attached file "old", image/png, ${half.bytes} bytes. It is not shown again.]`],
      ['message 1', 'same content of same'],
      ['message 2', 'same content of same', 'new content of new'],
    ]);
    expect(reads.toSorted()).toEqual(['new', 'same']);
  });

  test('does not depend on anything but the messages and the abilities', async () => {
    const request = requestOf([file('a')], [file('b')]);
    expect(await shown(request)).toEqual(await shown(request));
  });
});
