import { expect, test } from 'vitest';
import { attachmentKindOf, canRead } from '../../../src/domain/attachment.ts';
import { decide } from '../../../src/domain/decide.ts';
import type { AttachmentRef, NewEvent } from '../../../src/domain/events.ts';
import { transcript } from '../../../src/domain/transcript.ts';
import { eventsOf, inProgress, input, origin, runOf, tape } from './given.ts';

const photo: AttachmentRef = { id: 'att_1', name: 'a.png', mediaType: 'image/png', bytes: 3, sha256: 'a' };
const paper: AttachmentRef = { ...photo, id: 'att_2', name: 'b.pdf', mediaType: 'application/pdf' };

test('models are shown images, PDF files and text', () => {
  expect(['image/png', 'image/jpeg', 'image/gif', 'image/webp'].map(attachmentKindOf)).toEqual(Array(4).fill('image'));
  expect(attachmentKindOf('application/pdf')).toBe('pdf');
  expect(attachmentKindOf('text/plain')).toBe('text');
  expect(['image/svg+xml', 'text/html', 'application/zip', ''].map(attachmentKindOf)).toEqual(Array(4).fill(null));
});

test('every model reads text; images and PDF files need the ability', () => {
  expect(canRead([], { mediaType: 'text/plain' })).toBe(true);
  expect(canRead([], photo)).toBe(false);
  expect(canRead(['image'], photo)).toBe(true);
  expect(canRead(['image'], paper)).toBe(false);
  expect(canRead(['image', 'pdf'], { mediaType: 'application/zip' })).toBe(false);
});

test('a message has its attachments; one without them has no such member', () => {
  const send = (attachments?: AttachmentRef[]) =>
    eventsOf(decide(null, { kind: 'send', text: 'x', idempotencyKey: null, origin, attachments }, 0))[0]?.payload;
  expect(send([photo, paper])).toMatchObject({ attachments: [photo, paper], steered: false });
  expect(send([])).not.toHaveProperty('attachments');
  expect(send()).not.toHaveProperty('attachments');
  const steer = { kind: 'steer', text: 'x', idempotencyKey: null, attachments: [paper] } as const;
  expect(eventsOf(decide(runOf(inProgress), steer, 0))).toMatchObject([
    { payload: { attachments: [paper], steered: true, origin: null } },
  ]);
});

test('the fold has the attachments of all messages with their positions, and the model is shown them', () => {
  const message = input('look');
  const steered: NewEvent = {
    type: 'input',
    actor: 'USER',
    payload: { text: 'more', steered: true, idempotencyKey: null, origin: null, attachments: [paper] },
  };
  if (message.type !== 'input') throw new Error('not an input');
  const events = tape({ ...message, payload: { ...message.payload, attachments: [photo] } }, steered);
  expect(runOf({ ...message, payload: { ...message.payload, attachments: [photo] } }, steered).attachments).toEqual([
    { ...photo, seq: 1 },
    { ...paper, seq: 2 },
  ]);
  expect(transcript(events)).toEqual([
    { role: 'user', text: 'look', attachments: [photo], seq: 1 },
    { role: 'user', text: 'more', attachments: [paper], seq: 2 },
  ]);
});
