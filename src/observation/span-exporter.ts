import { type Attributes, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import * as limits from '../config/limits.ts';
import type { Span } from './spans.ts';

export interface SpanExporter {
  /** Resolves when the collector has taken all of them. Rejects if it refuses, or does not answer within the time of an export. */
  export(spans: readonly Span[]): Promise<void>;
  close(): Promise<void>;
}

interface SpanExporterOptions {
  /** Of an OpenTelemetry collector, without the path of the signal. */
  endpoint: string;
  serviceName: string;
  version: string;
}

type ReadableSpan = Parameters<OTLPTraceExporter['export']>[0][number];

/**
 * Sends spans by OTLP over HTTP, as JSON. The library repeats requests that fail for a moment, and reads headers and certificates
 * from the environment variables `OTEL_EXPORTER_OTLP_…`.
 */
export function createSpanExporter({ endpoint, serviceName, version }: SpanExporterOptions): SpanExporter {
  const url = `${endpoint.replace(/\/+$/, '')}/v1/traces`;
  const exporter = new OTLPTraceExporter({ url, timeoutMillis: limits.TRACE_EXPORT_SECONDS * 1000 });
  const resource = resourceFromAttributes({ 'service.name': serviceName, 'service.version': version });
  const scope = { name: 'runtape', version };

  function send(spans: ReadableSpan[]): Promise<void> {
    return new Promise((resolve, reject) => {
      // Code 0 is success.
      exporter.export(spans, ({ code, error }) =>
        code === 0 ? resolve() : reject(error ?? new Error('unknown failure')),
      );
    });
  }

  return {
    async export(spans) {
      for (let first = 0; first < spans.length; first += limits.EXPORTED_SPANS) {
        const batch = spans.slice(first, first + limits.EXPORTED_SPANS);
        await send(batch.map((span) => readable(span, resource, scope)));
      }
    },
    close: () => exporter.shutdown(),
  };
}

const kinds = { internal: SpanKind.INTERNAL, client: SpanKind.CLIENT } as const;

function readable(
  span: Span,
  resource: Resource,
  instrumentationScope: ReadableSpan['instrumentationScope'],
): ReadableSpan {
  const contextOf = (spanId: string) => ({ traceId: span.traceId, spanId, traceFlags: TraceFlags.SAMPLED });
  return {
    name: span.name,
    kind: kinds[span.kind],
    spanContext: () => contextOf(span.spanId),
    ...(span.parentSpanId !== null && { parentSpanContext: contextOf(span.parentSpanId) }),
    startTime: timeOf(span.startedAt),
    endTime: timeOf(span.endedAt),
    duration: timeOf(span.endedAt - span.startedAt),
    status: { code: span.isError ? SpanStatusCode.ERROR : SpanStatusCode.UNSET },
    attributes: copyOf(span.attributes),
    links: [],
    events: span.events.map(({ name, at, attributes }) => ({ name, time: timeOf(at), attributes: copyOf(attributes) })),
    ended: true,
    resource,
    instrumentationScope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

/** Seconds and nanoseconds. */
function timeOf(milliseconds: number): [number, number] {
  return [Math.floor(milliseconds / 1000), Math.round((milliseconds % 1000) * 1e6)];
}

function copyOf(attributes: Span['attributes']): Attributes {
  const entries = Object.entries(attributes);
  return Object.fromEntries(entries.map(([name, value]) => [name, typeof value === 'object' ? [...value] : value]));
}
