import type { TapeEventFragment } from '../generated/documents.ts';

/** The value of `type` of each kind of event. */
interface TypeNames {
  InputEvent: 'INPUT';
  StatusEvent: 'STATUS';
  ContextEvent: 'CONTEXT';
  ThoughtEvent: 'THOUGHT';
  OutputDeltaEvent: 'OUTPUT_DELTA';
  OutputEvent: 'OUTPUT';
  ToolCallEvent: 'TOOL_CALL';
  ToolDecisionEvent: 'TOOL_DECISION';
  ApprovalRequestEvent: 'APPROVAL_REQUEST';
  ApprovalDecisionEvent: 'APPROVAL_DECISION';
  WaitRequestEvent: 'WAIT_REQUEST';
  WaitSettledEvent: 'WAIT_SETTLED';
  ToolStartEvent: 'TOOL_START';
  ToolProgressEvent: 'TOOL_PROGRESS';
  ToolResultEvent: 'TOOL_RESULT';
  CompactionEvent: 'COMPACTION';
  ResumptionEvent: 'RESUMPTION';
}

type Typed<Event> = Event extends { __typename: infer Name extends keyof TypeNames }
  ? Omit<Event, 'type'> & { type: TypeNames[Name] }
  : never;

/** An event of a tape. `type` tells which one, and which members it has. */
export type TapeEvent = Typed<TapeEventFragment>;
