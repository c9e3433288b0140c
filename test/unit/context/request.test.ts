import { expect, test } from 'vitest';
import type { HistoryMessage } from '../../../src/context/history.ts';
import { requestHash, requestOf } from '../../../src/context/request.ts';
import { createToolTexts } from '../../../src/context/tool-texts.ts';
import type { AttachmentKind } from '../../../src/domain/events.ts';

const position = { runId: 'run_1', turn: 1 };
const messages: HistoryMessage[] = [
  { role: 'user', text: 'What time is it?', ...position, seq: 1 },
  {
    role: 'assistant',
    text: '',
    calls: [{ callId: 'call_1', tool: 'clock', input: { zone: 'UTC' } }],
    kept: { model: 'claude', state: { thoughts: [], ofCalls: [{ google: { thoughtSignature: 'signed' } }] } },
    ...position,
    seq: 5,
  },
  { role: 'tool', callId: 'call_1', tool: 'clock', ok: true, text: 'noon '.repeat(100), ...position, seq: 7 },
];

test('the hash of a request stays the same across releases: tapes contain it', () => {
  const request = requestOf({
    instructions: 'Be kind.',
    summary: 'Ada said hello.',
    memories: [{ text: 'Ada likes\ngreen tea.' }],
    messages,
    cutResults: new Set(['call_1']),
    tools: [{ name: 'clock', description: 'Tells the time.', inputSchema: { type: 'object', properties: {} } }],
    responseFormat: null,
    attachmentKinds: [],
  });
  expect(requestHash(request, 'claude', createToolTexts())).toBe(
    'f11f35dfd6ffc31bbb65b80a6fad838d1225f8acbb40b5a6bfa8f9047c2269b0',
  );
});

test('the hash depends on what the model is shown of attachments', () => {
  const attachment = { id: 'att_1', name: 'a.png', mediaType: 'image/png', bytes: 10, sha256: 'a' };
  const hashFor = (attachmentKinds: AttachmentKind[]) => {
    const message: HistoryMessage = { role: 'user', text: 'Look.', attachments: [attachment], ...position, seq: 1 };
    const parts = { instructions: '', summary: null, memories: [], cutResults: new Set<string>(), tools: [] };
    const request = requestOf({ ...parts, messages: [message], responseFormat: null, attachmentKinds });
    return requestHash(request, 'claude', createToolTexts());
  };
  expect(hashFor(['image', 'pdf'])).toBe(hashFor(['image']));
  expect(hashFor([])).not.toBe(hashFor(['image']));
});
