import type { TapeEvent } from '@runtape/client';
import { isEqual } from '../text/json-changes.ts';

/** Something that a run did, comparable with the same thing in another run. */
export interface RunItem {
  /** Names the same thing in both runs: step 2, its third tool call, … */
  key: string;
  seq: number;
  label: string;
  /** What is compared. */
  value: unknown;
  /** What is shown of it. */
  text: string;
}

export interface Pair {
  key: string;
  label: string;
  a: RunItem | null;
  b: RunItem | null;
  isSame: boolean;
}

/** The input, answers, tool calls and their results, decisions and the end of a run. */
export function itemsOf(events: readonly TapeEvent[]): RunItem[] {
  const items: RunItem[] = [];
  const keys = new Map<string, string>();
  const counts = new Map<string, number>();
  const next = (name: string) => {
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return count;
  };
  for (const event of events) {
    const { seq } = event;
    switch (event.type) {
      case 'INPUT':
        items.push({ key: `input ${next('input')}`, seq, label: 'input', value: event.text, text: event.text });
        break;
      case 'CONTEXT':
        items.push({
          key: `model ${event.step}`,
          seq,
          label: `step ${event.step}: model`,
          value: event.model,
          text: event.model,
        });
        break;
      case 'OUTPUT':
        items.push({
          key: `answer ${event.step}`,
          seq,
          label: `step ${event.step}: answer`,
          value: event.text,
          text: event.text,
        });
        break;
      case 'TOOL_CALL': {
        const key = `call ${event.step}.${next(`calls of ${event.step}`)}`;
        keys.set(event.callId, key);
        const text = `${event.tool} ${JSON.stringify(event.input)}`;
        items.push({ key, seq, label: `step ${event.step}: call`, value: [event.tool, event.input], text });
        break;
      }
      case 'APPROVAL_DECISION':
        items.push({
          key: `decision of ${keys.get(event.callId)}`,
          seq,
          label: 'decision',
          value: event.status,
          text: event.status.toLowerCase(),
        });
        break;
      case 'TOOL_RESULT': {
        const value = event.ok ? event.output : event.error;
        const text = event.ok ? JSON.stringify(event.output) : `failed: ${event.error}`;
        items.push({
          key: `result of ${keys.get(event.callId)}`,
          seq,
          label: `result of ${event.tool}`,
          value: [event.ok, value],
          text,
        });
        break;
      }
      case 'STATUS':
        if (/^(DONE|FAILED|CANCELLED)$/.test(event.to)) {
          items.push({ key: 'end', seq, label: 'end', value: event.to, text: event.to });
        }
        break;
    }
  }
  return items;
}

/** Both runs side by side, in the order of the first one; what only the second has stands after what came before it there. */
export function align(a: readonly RunItem[], b: readonly RunItem[]): Pair[] {
  const inB = new Map(b.map((item) => [item.key, item]));
  const inA = new Set(a.map(({ key }) => key));
  const pairs: Pair[] = a.map((item) => {
    const other = inB.get(item.key) ?? null;
    return {
      key: item.key,
      label: item.label,
      a: item,
      b: other,
      isSame: other !== null && isEqual(item.value, other.value),
    };
  });
  b.forEach((item, index) => {
    if (inA.has(item.key)) return;
    const before = b[index - 1]?.key;
    const position = before === undefined ? 0 : pairs.findIndex(({ key }) => key === before) + 1;
    pairs.splice(position, 0, { key: item.key, label: item.label, a: null, b: item, isSame: false });
  });
  return pairs;
}
