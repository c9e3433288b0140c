import { OTLPExporterError } from '@opentelemetry/otlp-exporter-base';
import { convertLegacyHttpOptions, createOtlpHttpExportDelegate } from '@opentelemetry/otlp-exporter-base/node-http';
import * as limits from '../config/limits.ts';
import { type SpanSource, traceRequest } from './otlp.ts';
import type { Span } from './spans.ts';

export interface SpanExporter {
  /** Resolves when the collector has taken all of them. Rejects if it refuses, or does not answer within the time of an export. */
  export(spans: readonly Span[]): Promise<void>;
  close(): Promise<void>;
}

interface SpanExporterOptions extends SpanSource {
  /** Of an OpenTelemetry collector, without the path of the signal. */
  endpoint: string;
}

/**
 * Sends spans by OTLP over HTTP, as JSON. The library repeats requests that fail for a moment, and reads headers and certificates
 * from the environment variables `OTEL_EXPORTER_OTLP_…`.
 */
export function createSpanExporter({ endpoint, ...source }: SpanExporterOptions): SpanExporter {
  const path = 'v1/traces';
  const options = { url: `${endpoint.replace(/\/+$/, '')}/${path}`, timeoutMillis: limits.TRACE_EXPORT_SECONDS * 1000 };
  const exporter = createOtlpHttpExportDelegate(
    convertLegacyHttpOptions(options, 'TRACES', path, { 'Content-Type': 'application/json' }),
    {
      serializeRequest: (spans: readonly Span[]) => traceRequest(spans, source),
      // The library would only log what it says, and its log is off.
      deserializeResponse: () => null,
    },
    'otlp_http_span_exporter',
    { name: 'span', countItems: (spans) => spans.length },
    undefined,
  );

  function send(spans: readonly Span[]): Promise<void> {
    return new Promise((resolve, reject) => {
      // Code 0 is success.
      exporter.export(spans, ({ code, error }) => (code === 0 ? resolve() : reject(error ?? new OTLPExporterError())));
    });
  }

  return {
    async export(spans) {
      for (let first = 0; first < spans.length; first += limits.EXPORTED_SPANS) {
        await send(spans.slice(first, first + limits.EXPORTED_SPANS));
      }
    },
    close: () => exporter.shutdown(),
  };
}
