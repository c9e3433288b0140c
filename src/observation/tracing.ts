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

/** Exports the traces of runs whose end this server records, one after the other. */
export function createTracing({ exporter, spansOf, clock, logger, queueLength }: TracingOptions): Tracing {
  const queue: string[] = [];
  const outage = createOutageLog(logger, 'exporting traces');
  let leftOut = 0;
  let exporting: Promise<void> | null = null;
  let isClosing = false;

  async function exportQueued(): Promise<void> {
    for (let runId = queue.shift(); runId !== undefined; runId = queue.shift()) {
      try {
        await exporter.export(await spansOf(runId));
        outage.worked();
      } catch (error) {
        outage.failed(error);
        leftOut += 1;
      }
    }
    if (leftOut > 0)
      logger.warn({ runs: leftOut }, 'traces were not exported; `runtape trace <run>` exports one later');
    leftOut = 0;
    exporting = null;
  }

  return {
    appended(events) {
      const last = events.at(-1);
      if (last?.type !== 'status' || !isTerminal(last.payload.to) || isClosing) return;
      if (queue.length >= queueLength) leftOut += 1;
      else queue.push(last.runId);
      exporting ??= exportQueued();
    },
    async close() {
      isClosing = true;
      const stopWaiting = new AbortController();
      const timeout = clock.sleep(limits.TRACE_EXPORT_SECONDS * 1000, stopWaiting.signal).catch(() => undefined);
      await Promise.race([exporting, timeout]);
      stopWaiting.abort();
      queue.length = 0;
      await exporter.close();
    },
  };
}
