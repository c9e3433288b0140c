import type { Clock } from '../clock.ts';
import type { Configuration } from '../config/configuration.ts';
import * as limits from '../config/limits.ts';
import { SCRIPTED_MODEL } from '../config/model-config.ts';
import type { Database } from '../database/database.ts';
import { databaseBytes } from '../database/size.ts';
import type { Journal } from '../journal/journal.ts';
import type { Logger } from '../logger.ts';
import type { Catalogue } from '../models/catalogue.ts';
import type { Metrics } from '../observation/metrics.ts';
import type { SpanExporter } from '../observation/span-exporter.ts';
import { spansOfTape, type TraceOptions } from '../observation/spans.ts';
import { readTracedTape } from '../observation/traced-tape.ts';
import { createTracing, type Tracing } from '../observation/tracing.ts';
import type { Observer } from '../observer.ts';
import { openWork } from '../projections/open-work.ts';
import { version } from './version.ts';

export interface Observation {
  /** Undefined if nothing is observed, which costs nothing. */
  observer: Observer | undefined;
  metrics: Metrics | null;
  /** Null if no traces are exported. */
  tracing: Tracing | null;
}

interface ObservedParts {
  database: Database;
  clock: Clock;
  catalogue: Catalogue;
  logger: Logger;
  readTape: Journal['read'];
  executingRuns(): number;
}

/** Loads the libraries for metrics and traces only if the configuration asks for them. */
export async function openObservation(configuration: Configuration, parts: ObservedParts): Promise<Observation> {
  const metrics = configuration.file.metrics.enabled ? await openMetrics(configuration, parts) : null;
  return { observer: metrics?.observer, metrics, tracing: await openTracing(configuration, parts) };
}

async function openTracing(
  configuration: Configuration,
  { clock, logger, readTape }: ObservedParts,
): Promise<Tracing | null> {
  const exporter = await openSpanExporter(configuration);
  if (!exporter) return null;
  const options = traceOptions(configuration);
  return createTracing({
    exporter,
    spansOf: async (runId) => spansOfTape(await readTracedTape(readTape, runId), options),
    clock,
    logger,
    queueLength: limits.QUEUED_TRACES,
  });
}

/** Null if no endpoint is configured. */
export async function openSpanExporter({ file: { tracing } }: Configuration): Promise<SpanExporter | null> {
  const { endpoint, serviceName } = tracing;
  if (endpoint === undefined) return null;
  const { createSpanExporter } = await import('../observation/span-exporter.ts');
  return createSpanExporter({ endpoint, serviceName, version });
}

export function traceOptions({ file }: Configuration): TraceOptions {
  return {
    content: file.tracing.content,
    providerOf: (model) => file.models[model]?.provider ?? (model === SCRIPTED_MODEL ? SCRIPTED_MODEL : null),
  };
}

async function openMetrics(
  { maxConcurrentRuns }: Configuration,
  { database, clock, catalogue, executingRuns }: ObservedParts,
): Promise<Metrics> {
  const { createMetrics } = await import('../observation/metrics.ts');
  return createMetrics({
    version,
    store: database.provider,
    clock,
    openWork: () => openWork(database),
    databaseBytes: () => databaseBytes(database),
    circuits: () =>
      catalogue.names
        .flatMap((name) => catalogue.find(name) ?? [])
        .map(({ name, circuit }) => ({ model: name, state: circuit.state() })),
    executingRuns,
    maxConcurrentRuns,
  });
}
