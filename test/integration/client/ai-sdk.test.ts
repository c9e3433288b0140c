import { Chat } from '@ai-sdk/react';
import { isToolUIPart, lastAssistantMessageIsCompleteWithApprovalResponses, type UIMessage } from 'ai';
import { expect, test } from 'vitest';
import { chatMessages, createChatTransport } from '../../../client/src/ai-sdk/index.ts';
import type { RuntapeClient } from '../../../client/src/client.ts';
import { runById } from '../conversation.ts';
import { countedTool } from '../counted-tool.ts';
import { startTestGateway, until } from '../gateway.ts';
import { openClient } from './clients.ts';

/** What `useChat` keeps, without a page. */
function openChat(client: RuntapeClient, messages: UIMessage[] = []): Chat<UIMessage> {
  return new Chat({
    id: 'chat',
    messages,
    transport: createChatTransport({ client }),
    sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
  });
}

const shown = (message: UIMessage | undefined) =>
  (message?.parts ?? []).flatMap((part) => {
    if (part.type === 'text' || part.type === 'reasoning') return [`${part.type}: ${part.text}`];
    return isToolUIPart(part) ? [`${'toolName' in part ? part.toolName : ''}: ${part.state}`] : [];
  });

test('B83: useChat streams text, thoughts and tool calls', async () => {
  const { url } = await startTestGateway({ tools: [countedTool()] });
  const chat = openChat(openClient(url));
  await chat.sendMessage({
    text: '/think Hm.\n/say Counting.\n/call count {"word":"a"}\n/call missing {}\n/then\n/say Done.',
  });
  expect(chat.status).toBe('ready');
  expect(shown(chat.lastMessage)).toEqual([
    'reasoning: Hm.',
    'text: Counting.',
    'count: output-available',
    'missing: output-error',
    'text: Done.',
  ]);
});

test.each([
  [true, 'output-available'],
  [false, 'output-denied'],
])('B83: useChat asks for an approval and continues; approved: %s', async (approved, state) => {
  const { url } = await startTestGateway({ tools: [countedTool({ name: 'ask', risk: 'HIGH' })] });
  const chat = openChat(openClient(url));
  await chat.sendMessage({ text: '/say First.\n/call ask {"word":"two"}\n/then\n/say Then.' });
  expect(shown(chat.lastMessage)).toEqual(['text: First.', 'ask: approval-requested']);
  const part = chat.lastMessage?.parts.find(isToolUIPart);
  if (part?.state !== 'approval-requested') throw new Error('No approval was requested.');
  await chat.addToolApprovalResponse({ id: part.approval.id, approved });
  await until(() => chat.status === 'ready' && shown(chat.lastMessage).length === 3);
  expect(shown(chat.lastMessage)).toEqual(['text: First.', `ask: ${state}`, 'text: Then.']);
  expect(chat.messages).toHaveLength(2);
});

test('B83: stop cancels the run', async () => {
  const { url, client } = await startTestGateway();
  const chat = openChat(openClient(url));
  const sent = chat.sendMessage({ text: '/pace 20\n/words 500' });
  await until(() => shown(chat.lastMessage).some((text) => text.includes('word-3')));
  await chat.stop();
  await sent;
  const id = chat.lastMessage?.id ?? '';
  await until(async () => (await runById(client, id)).state === 'CANCELLED');
  expect(chat.status).toBe('ready');
});

test('B83: a reload in the middle of an answer continues it', async () => {
  const { url, client } = await startTestGateway();
  const tape = openClient(url);
  const session = tape.session('chat');
  const earlier = await session.send('Hello');
  await earlier.done();
  const before = openChat(tape, chatMessages(earlier.state.get().messages));
  void before.sendMessage({ text: '/pace 10\n/words 60' });
  await until(() => shown(before.lastMessage).some((text) => text.includes('word-3')));

  const after = openChat(openClient(url), [...before.messages.slice(0, 3)]);
  // A page in strict mode does it twice.
  await Promise.all([after.resumeStream(), after.resumeStream()]);
  expect(shown(after.lastMessage)).toEqual([
    `text: ${Array.from({ length: 60 }, (_, index) => `word-${index + 1}`).join(' ')}`,
  ]);
  expect(after.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant']);
  expect((await runById(client, after.lastMessage?.id ?? '')).state).toBe('DONE');
});

test('a run that fails is the error of the chat', async () => {
  const { url } = await startTestGateway();
  const chat = openChat(openClient(url));
  await chat.sendMessage({ text: '/fail MODEL_REFUSED' });
  expect(chat.status).toBe('error');
  expect(chat.error?.message).toMatch(/refuse/i);
});
