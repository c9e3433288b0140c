import type { HistoryMessage } from '../../../src/context/history.ts';

const position = (turn: number, seq: number) => ({ runId: `run_${turn}`, turn, seq });

export const user = (turn: number, seq = 1): HistoryMessage => ({
  role: 'user',
  text: 'x'.repeat(40),
  ...position(turn, seq),
});

export const assistant = (turn: number, seq: number, ...callIds: string[]): HistoryMessage => ({
  role: 'assistant',
  text: 'y'.repeat(40),
  calls: callIds.map((callId) => ({ callId, tool: 'count', input: {} })),
  ...position(turn, seq),
});

export const result = (turn: number, seq: number, callId: string, length = 40): HistoryMessage => ({
  role: 'tool',
  callId,
  tool: 'count',
  ok: true,
  text: 'z'.repeat(length),
  ...position(turn, seq),
});
