import type { WaitFragment } from '../generated/documents.ts';

/** What a run waits for. `__typename` tells which kind, and which members it has. */
export type Wait = WaitFragment;
export type WaitKind = Wait['kind'];
