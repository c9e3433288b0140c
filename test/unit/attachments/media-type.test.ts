import { describe, expect, test } from 'vitest';
import { createTextCheck, detectMediaType } from '../../../src/attachments/media-type.ts';

describe('text', () => {
  const isText = (...pieces: (string | number[])[]) => {
    const check = createTextCheck();
    for (const piece of pieces) check.add(typeof piece === 'string' ? Buffer.from(piece) : Uint8Array.from(piece));
    return check.end();
  };

  test('is UTF-8 without control characters, however it is divided', () => {
    expect(isText('a\tb\r\n\f', 'c')).toBe(true);
    expect(isText([0xc3], [0xa9])).toBe(true);
    expect(isText('\u001b[31m')).toBe(true);
    expect(isText()).toBe(true);
  });

  test('is nothing else', () => {
    expect(isText('a\0')).toBe(false);
    expect(isText('a\u0007', 'b')).toBe(false);
    expect(isText([0xc3])).toBe(false);
    expect(isText([0xc3, 0x28], 'text')).toBe(false);
    expect(isText([0xff, 0xfe, 0x61, 0])).toBe(false);
  });
});

test('a signature of an image or a PDF file outweighs that it is text, and no other one does', async () => {
  expect(await detectMediaType(Buffer.from('%PDF-1.7\n'), true)).toBe('application/pdf');
  expect(await detectMediaType(Buffer.from('<?xml version="1.0"?><a/>'), true)).toBe('text/plain');
  expect(await detectMediaType(Buffer.from('<?xml version="1.0"?><a/>'), false)).toBe('application/xml');
  expect(await detectMediaType(Buffer.from('anything'), false)).toBe('application/octet-stream');
  expect(await detectMediaType(Buffer.alloc(0), true)).toBe('text/plain');
});
