import type { Clock } from '../clock.ts';
import * as limits from '../config/limits.ts';
import type { RecordedEvent } from '../domain/events.ts';
import { isTerminal } from '../domain/transitions.ts';
import { createOutageLog, type Logger } from '../logger.ts';
import type { SpanExporter } from './span-exporter.ts';
import type { Span } from './spans.ts';

export interface Tracing {
  /** Is told about each append of this server. Exports the trace of a run that has ended; returns at once. */
  appended(events: readonly RecordedEvent[]): void;
  /** Exports what is queued, within the time of an export. */
  close(): Promise<void>;
}

interface TracingOptions {
  exporter: SpanExporter;
  spansOf(runId: string): Promise<Span[]>;
  clock: Clock;
  logger: Logger;
  /** Runs that wait for their export. The traces of further ones are left out. */
  queueLength: number;
}

/**
 * Exports the traces of runs whose end this server records. A request costs more than a trace, so that runs which end within a
 * second share one.
 */
export function createTracing({ exporter, spansOf, clock, logger, queueLength }: TracingOptions): Tracing {
  const queue: string[] = [];
  const outage = createOutageLog(logger, 'exporting traces');
  let leftOut = 0;
  let exporting: Promise<void> | null = null;
  let gathering = new AbortController();
  let isClosing = false;

  async function exportQueued(): Promise<void> {
    while (queue.length > 0) {
      await gather();
      const runIds = queue.splice(0, limits.TRACE_BATCH_RUNS);
      try {
        const spans: Span[] = [];
        // One after the other, because a tape can be long.
        for (const runId of runIds) spans.push(...(await spansOf(runId)));
        await exporter.export(spans);
        outage.worked();
      } catch (error) {
        outage.failed(error);
        leftOut += runIds.length;
      }
    }
    if (leftOut > 0)
      logger.warn({ runs: leftOut }, 'traces were not exported; `runtape trace <run>` exports one later');
    leftOut = 0;
    exporting = null;
  }

  /** Waits for further runs, until there are enough. */
  async function gather(): Promise<void> {
    if (isClosing || queue.length >= limits.TRACE_BATCH_RUNS) return;
    gathering = new AbortController();
    await clock.sleep(limits.TRACE_GATHER_SECONDS * 1000, gathering.signal).catch(() => undefined);
  }

  return {
    appended(events) {
      const last = events.at(-1);
      if (last?.type !== 'status' || !isTerminal(last.payload.to) || isClosing) return;
      if (queue.length >= queueLength) leftOut += 1;
      else queue.push(last.runId);
      if (queue.length >= limits.TRACE_BATCH_RUNS) gathering.abort();
      exporting ??= exportQueued();
    },
    async close() {
      isClosing = true;
      gathering.abort();
      const stopWaiting = new AbortController();
      const timeout = clock.sleep(limits.TRACE_EXPORT_SECONDS * 1000, stopWaiting.signal).catch(() => undefined);
      await Promise.race([exporting, timeout]);
      stopWaiting.abort();
      queue.length = 0;
      await exporter.close();
    },
  };
}
