import { hash } from 'node:crypto';

/** The place of a call in a trace, as the W3C Trace Context names it. Ids are in lower-case hex. */
export interface TraceParent {
  /** 32 digits. */
  traceId: string;
  /** 16 digits. */
  spanId: string;
}

const form = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Reads the header `traceparent`; null if it is missing, malformed or of a later version. */
export function parseTraceParent(text: unknown): TraceParent | null {
  if (typeof text !== 'string' || !form.test(text)) return null;
  return { traceId: text.slice(3, 35), spanId: text.slice(36, 52) };
}

export function formatTraceParent({ traceId, spanId }: TraceParent): string {
  return `00-${traceId}-${spanId}-01`;
}

/** What the ids of a run's trace are derived from. */
export interface TracedRun {
  runId: string;
  /** The header `traceparent` of the request that sent the message, which the trace then continues. */
  traceParent?: string | undefined;
}

/** The trace of a run: that of its request, or one of its own, which is the same whenever it is computed. */
export function traceIdOf({ runId, traceParent }: TracedRun): string {
  return parseTraceParent(traceParent)?.traceId ?? digest(`trace ${runId}`, 32);
}

/** The span of a run itself, or of a part of it. @param part names the part within the run */
export function spanIdOf({ runId }: Pick<TracedRun, 'runId'>, part: SpanPart): string {
  return digest(`span ${runId} ${nameOf(part)}`, 16);
}

/** A part of a run that has a span. */
export type SpanPart =
  | { kind: 'run' }
  | { kind: 'queue' }
  | { kind: 'step'; step: number }
  /** `ordinal`: 1, 2, 3, … over all model calls of the run, repetitions included. */
  | { kind: 'model-call'; ordinal: number }
  | { kind: 'tool-call'; callId: string; attempt: number }
  | { kind: 'wait'; waitId: string };

/** Unique within the run. */
export function nameOf(part: SpanPart): string {
  switch (part.kind) {
    case 'run':
    case 'queue':
      return part.kind;
    case 'step':
      return `step ${part.step}`;
    case 'model-call':
      return `model-call ${part.ordinal}`;
    case 'tool-call':
      return `tool-call ${part.callId} ${part.attempt}`;
    case 'wait':
      return `wait ${part.waitId}`;
    default:
      return part satisfies never;
  }
}

/** The header for a call that a part of the run makes. */
export function traceParentFor(run: TracedRun, part: SpanPart): string {
  return formatTraceParent({ traceId: traceIdOf(run), spanId: spanIdOf(run, part) });
}

function digest(text: string, digits: number): string {
  return hash('sha256', text).slice(0, digits);
}
