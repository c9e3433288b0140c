import type { TapeEvent } from '@runtape/client';
import { waitPayloadOf } from './wait-event.ts';

/** What an event says, on one line. The words of models, tools and users are between quotation marks. */
export function describe(event: TapeEvent): string {
  switch (event.type) {
    case 'INPUT':
      return `${event.steered ? 'steered ' : ''}“${event.text}”`;
    case 'STATUS':
      return `${event.from ?? 'new'} → ${event.to}${event.statusReason ? ` “${event.statusReason}”` : ''}`;
    case 'CONTEXT':
      return `step ${event.step} · ${event.model}`;
    case 'THOUGHT':
    case 'OUTPUT_DELTA':
      return `“${event.text}”`;
    case 'OUTPUT':
      return `step ${event.step} · ${event.finishReason} · ${event.usage.totalTokens} tokens${event.text && ` · “${event.text}”`}`;
    case 'TOOL_CALL':
      return `${event.tool} ${JSON.stringify(event.input)}`;
    case 'TOOL_DECISION':
      return `${event.effect}${event.rule ? ` · rule ${event.rule}` : ''} · ${event.reason}`;
    case 'APPROVAL_REQUEST':
      return event.approval.summary;
    case 'APPROVAL_DECISION':
      return decisionOf(event.status, event.approval.decidedBy);
    case 'WAIT_REQUEST':
      return `“${waitPayloadOf(event).summary ?? ''}”`;
    case 'WAIT_SETTLED':
      return decisionOf(waitPayloadOf(event).outcome ?? '', waitPayloadOf(event).decidedBy);
    case 'TOOL_START':
      return `${event.tool} · attempt ${event.attempt}`;
    case 'TOOL_PROGRESS':
      return `${event.tool} ${event.progress}${event.total === null ? '' : ` of ${event.total}`} ${event.message ?? ''}`;
    case 'TOOL_RESULT':
      return event.ok ? `${event.tool} · ${event.durationMs} ms` : `${event.tool} · failed: “${event.error ?? ''}”`;
    case 'RESUMPTION':
      return `attempt ${event.attempt} · step ${event.step} starts over · ${event.resumptionReason}`;
    default:
      return '';
  }
}

const decisionOf = (outcome: string, by: string | null = null) =>
  `${outcome.toLowerCase()}${by === null ? '' : ` by ${by}`}`;

export function isError(event: TapeEvent): boolean {
  return (
    (event.type === 'TOOL_RESULT' && !event.ok) ||
    (event.type === 'STATUS' && event.to === 'FAILED') ||
    event.type === 'RESUMPTION' ||
    (event.type === 'TOOL_DECISION' && event.effect === 'DENY')
  );
}

export function isDecision({ type }: TapeEvent): boolean {
  return type === 'TOOL_DECISION' || type.startsWith('APPROVAL_') || type.startsWith('WAIT_');
}
