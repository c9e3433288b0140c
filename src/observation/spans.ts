import type { PayloadOf, SequencedEvent } from '../domain/events.ts';
import {
  nameOf,
  parseTraceParent,
  type SpanPart,
  spanIdOf,
  type TracedRun,
  traceIdOf,
} from '../domain/trace-context.ts';
import { isTerminal } from '../domain/transitions.ts';
import { waitChangeOf } from '../domain/wait.ts';
import { callAttributes, inputAttributes, messageAttributes, outputAttributes } from './span-contents.ts';

export type Attributes = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** A finished span. Times are in epoch milliseconds. */
export interface Span {
  traceId: string;
  spanId: string;
  /** Null for the root of a trace. */
  parentSpanId: string | null;
  name: string;
  kind: 'internal' | 'client';
  startedAt: number;
  endedAt: number;
  attributes: Attributes;
  /** Whether the operation failed. */
  isError: boolean;
  events: readonly { name: string; at: number; attributes: Attributes }[];
}

export interface TraceOptions {
  /** Whether spans hold the texts of messages, answers and tool calls. */
  content: boolean;
  /** The provider of a configured model; null if it is not known. */
  providerOf(model: string): string | null;
}

interface OpenSpan {
  part: SpanPart;
  spanId: string;
  parentSpanId: string | null;
  name: string;
  kind: Span['kind'];
  startedAt: number;
  attributes: Record<string, Attributes[string]>;
  events: Span['events'][number][];
}

/**
 * The trace of a run that has ended, from its tape alone, so that an old run has the same trace whenever it is exported. By the
 * semantic conventions of OpenTelemetry for generative AI: `invoke_agent` for the run, `chat` for a model call, `execute_tool` for a
 * tool call. Empty if the run has not ended.
 */
export function spansOfTape(events: readonly SequencedEvent[], options: TraceOptions): Span[] {
  const [first] = events;
  const last = events.at(-1);
  if (first?.type !== 'input' || last?.type !== 'status' || !isTerminal(last.payload.to)) return [];
  const trace = createTrace({ runId: first.runId, traceParent: first.payload.origin?.traceParent }, options);
  for (const event of events) trace.add(event);
  return trace.finish();
}

const root: SpanPart = { kind: 'run' };

// biome-ignore lint/complexity/noExcessiveLinesPerFunction: what each event means for the spans reads best in one place.
function createTrace(run: TracedRun, options: TraceOptions) {
  const spans: Span[] = [];
  const open = new Map<string, OpenSpan>();
  const tools = new Map<string, PayloadOf<'tool_call'>>();
  const traceId = traceIdOf(run);
  let step = 0;
  let modelCalls = 0;
  const used = { input: 0, output: 0 };
  /** Deriving an id costs more than all else, so that the id of an open span is not derived again. */
  const idOf = (part: SpanPart) => open.get(nameOf(part))?.spanId ?? spanIdOf(run, part);
  const stepPart = (): SpanPart => (step === 0 ? root : { kind: 'step', step });

  function begin(
    part: SpanPart,
    parent: SpanPart,
    at: number,
    span: Pick<OpenSpan, 'name' | 'kind' | 'attributes'>,
  ): void {
    const parentSpanId = part.kind === 'run' ? (parseTraceParent(run.traceParent)?.spanId ?? null) : idOf(parent);
    const spanId = spanIdOf(run, part);
    open.set(nameOf(part), { part, spanId, parentSpanId, startedAt: at, events: [], ...span });
  }

  function end(part: SpanPart, at: number, isError: boolean, attributes: Attributes = {}): void {
    const key = nameOf(part);
    const span = open.get(key);
    if (!span) return;
    open.delete(key);
    spans.push({
      traceId,
      spanId: span.spanId,
      parentSpanId: span.parentSpanId,
      name: span.name,
      kind: span.kind,
      startedAt: span.startedAt,
      endedAt: Math.max(at, span.startedAt),
      attributes: Object.assign(span.attributes, attributes),
      isError,
      events: span.events,
    });
  }

  /** Ends what a lost executor, a broken answer or the end of the run interrupted. */
  function interrupt(kinds: readonly SpanPart['kind'][], at: number, reason: string): void {
    for (const { part } of [...open.values()]) {
      if (kinds.includes(part.kind)) end(part, at, part.kind !== 'wait', { 'error.type': reason });
    }
  }

  function note(part: SpanPart, name: string, at: number, attributes: Attributes): void {
    (open.get(nameOf(part)) ?? open.get(nameOf(root)))?.events.push({ name, at, attributes });
  }

  function addInput({ runId, recordedAt, payload }: Extract<SequencedEvent, { type: 'input' }>): void {
    const content = options.content ? messageAttributes(payload.text) : {};
    if (payload.origin === null) {
      note(root, 'runtape.steered', recordedAt, content);
      return;
    }
    const { sessionId, agentId, retryOf } = payload.origin;
    const attributes = {
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.conversation.id': sessionId,
      'runtape.run.id': runId,
      ...(agentId !== null && { 'gen_ai.agent.id': agentId }),
      ...(retryOf !== null && { 'runtape.run.retry_of': retryOf }),
      ...content,
    };
    begin(root, root, recordedAt, { name: 'invoke_agent', kind: 'internal', attributes });
    begin({ kind: 'queue' }, root, recordedAt, { name: 'queue', kind: 'internal', attributes: {} });
  }

  function addStatus({ recordedAt: at, payload: { to, error } }: Extract<SequencedEvent, { type: 'status' }>): void {
    if (to === 'IN_PROGRESS' || isTerminal(to)) end({ kind: 'queue' }, at, false);
    if (!isTerminal(to)) return;
    const reason = error?.code ?? to;
    interrupt(['model-call', 'tool-call', 'wait'], at, reason);
    end(stepPart(), at, to === 'FAILED');
    end(root, at, to === 'FAILED', {
      'runtape.run.state': to,
      'gen_ai.usage.input_tokens': used.input,
      'gen_ai.usage.output_tokens': used.output,
      ...(error && { 'error.type': error.code }),
    });
  }

  function addContext({ recordedAt: at, payload }: Extract<SequencedEvent, { type: 'context' }>): void {
    interrupt(['model-call'], at, 'repeated');
    if (payload.step !== step) {
      if (step > 0) end(stepPart(), at, false);
      step = payload.step;
      const attributes = { 'runtape.step': step };
      begin(stepPart(), root, at, { name: `step ${step}`, kind: 'internal', attributes });
    }
    modelCalls += 1;
    const provider = options.providerOf(payload.model);
    const attributes = {
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': payload.model,
      ...(provider !== null && { 'gen_ai.provider.name': provider }),
      'runtape.context.estimated_tokens': payload.estimatedTokens,
    };
    const part: SpanPart = { kind: 'model-call', ordinal: modelCalls };
    begin(part, stepPart(), at, { name: `chat ${payload.model}`, kind: 'client', attributes });
  }

  function addOutput({ recordedAt, payload }: Extract<SequencedEvent, { type: 'output' }>): void {
    const { usage, finishReason, responseId } = payload;
    used.input += usage.input;
    used.output += usage.output;
    end({ kind: 'model-call', ordinal: modelCalls }, recordedAt, false, {
      'gen_ai.response.finish_reasons': [finishReason],
      'gen_ai.usage.input_tokens': usage.input,
      'gen_ai.usage.output_tokens': usage.output,
      ...(usage.cachedInput !== null && { 'gen_ai.usage.cache_read.input_tokens': usage.cachedInput }),
      ...(usage.cost !== null && { 'runtape.usage.cost': usage.cost }),
      ...(responseId !== null && { 'gen_ai.response.id': responseId }),
      ...(options.content && outputAttributes(payload)),
    });
  }

  function addToolStart({ recordedAt, payload }: Extract<SequencedEvent, { type: 'tool_start' }>): void {
    const { callId, tool, attempt } = payload;
    const requested = tools.get(callId);
    const attributes = {
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': tool,
      'gen_ai.tool.call.id': callId,
      'gen_ai.tool.type': 'function',
      'runtape.tool.attempt': attempt,
      ...(options.content && requested && inputAttributes(requested)),
    };
    const span = { name: `execute_tool ${tool}`, kind: 'internal', attributes } as const;
    begin({ kind: 'tool-call', callId, attempt }, stepPart(), recordedAt, span);
  }

  function addToolResult({ recordedAt, payload }: Extract<SequencedEvent, { type: 'tool_result' }>): void {
    const { callId, ok } = payload;
    const content = options.content ? callAttributes(payload) : {};
    const attributes = ok ? content : { ...content, 'error.type': 'tool_error' };
    for (const { part } of [...open.values()]) {
      if (part.kind === 'tool-call' && part.callId === callId) end(part, recordedAt, !ok, attributes);
    }
  }

  function addWait(event: SequencedEvent): void {
    const change = waitChangeOf(event);
    if (change === null) return;
    const part: SpanPart = { kind: 'wait', waitId: change.id };
    if (change.change === 'settled') {
      end(part, event.recordedAt, false, { 'runtape.wait.outcome': change.status });
      return;
    }
    const { kind, callId } = change;
    const tool = callId === null ? undefined : tools.get(callId);
    const attributes = {
      'runtape.wait.id': change.id,
      'runtape.wait.kind': kind,
      ...(callId !== null && { 'gen_ai.tool.call.id': callId }),
      ...(tool && { 'gen_ai.tool.name': tool.tool }),
    };
    begin(part, stepPart(), event.recordedAt, { name: `wait ${kind}`, kind: 'internal', attributes });
  }

  function add(event: SequencedEvent): void {
    const { recordedAt: at } = event;
    switch (event.type) {
      case 'input':
        addInput(event);
        break;
      case 'status':
        addStatus(event);
        break;
      case 'context':
        addContext(event);
        break;
      case 'output':
        addOutput(event);
        break;
      case 'tool_call':
        tools.set(event.payload.callId, event.payload);
        break;
      case 'tool_decision': {
        const { callId, effect, rule } = event.payload;
        const attributes = { 'gen_ai.tool.call.id': callId, effect, ...(rule !== null && { rule }) };
        note(stepPart(), 'runtape.tool_decision', at, attributes);
        break;
      }
      case 'tool_start':
        addToolStart(event);
        break;
      case 'tool_result':
        addToolResult(event);
        break;
      case 'approval_request':
      case 'approval_decision':
      case 'wait_request':
      case 'wait_settled':
        addWait(event);
        break;
      case 'compaction': {
        const { tokensBefore, tokensAfter, model } = event.payload;
        note(root, 'runtape.compaction', at, { tokensBefore, tokensAfter, model });
        break;
      }
      case 'resumption': {
        const { attempt, lost, brokeOff } = event.payload;
        const reason = brokeOff ? 'broke_off' : lost ? 'executor_lost' : 'handed_over';
        interrupt(brokeOff ? ['model-call'] : ['model-call', 'tool-call'], at, reason);
        note(root, 'runtape.resumption', at, { attempt, lost, brokeOff });
        break;
      }
      case 'thought':
      case 'output_delta':
      case 'tool_progress':
        break;
      default:
        event satisfies never;
    }
  }

  return { add, finish: () => spans };
}
