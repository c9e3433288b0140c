export type { ActivityItem } from './activity/activity-feed.ts';
export { type ClientOptions, createClient, type RuntapeClient } from './client.ts';
export type { Timing } from './connection/timing.ts';
export type { DocumentTypes } from './document.ts';
export type { LiveList } from './list/live-list.ts';
export type { Readable } from './readable.ts';
export type {
  AttachmentItem,
  MessageItem,
  RunSnapshot,
  RunState,
  ToolCallItem,
  ToolCallState,
  Usage,
} from './run/run-fold.ts';
export type { RunAnswer, RunHandle } from './run/run-handle.ts';
export type { TextPiece } from './run/run-text.ts';
export type { TapeEvent } from './run/tape-event.ts';
export { type Refusal, RuntapeError } from './runtape-error.ts';
export type { SendOptions, SessionHandle } from './session/session-handle.ts';
export type { SessionItem, SessionListOptions } from './session/session-list.ts';
export type { Sync } from './sync.ts';
export type { ClientTool, ClientToolSet } from './tools/client-tool.ts';
export type { Wait, WaitKind } from './waits/wait.ts';
export type { AllowOptions, WaitHandle } from './waits/wait-handle.ts';
export type { WaitFilter } from './waits/wait-list.ts';
