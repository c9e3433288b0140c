import { systemClock } from '../../clock.ts';
import type { Configuration } from '../../config/configuration.ts';
import { StartError } from '../../config/start-error.ts';
import { openForReading } from '../../database/open-database.ts';
import { createDatabaseJournal } from '../../journal/database-journal.ts';
import { spansOfTape } from '../../observation/spans.ts';
import { readTracedTape } from '../../observation/traced-tape.ts';
import { openSpanExporter, traceOptions } from '../observation.ts';
import { withStoreFailures } from './store-failure.ts';

/**
 * Exports the trace of one run to the configured collector, also while servers use the database. The ids are those of every other
 * export of the run. Throws a StartError.
 */
export async function traceCommand(configuration: Configuration, parameters: readonly string[]): Promise<void> {
  const [runId, ...rest] = parameters;
  if (runId === undefined || rest.length > 0)
    throw new StartError('Usage: runtape trace <run>, for example: runtape trace run_01…');
  const exporter = await openSpanExporter(configuration);
  if (!exporter)
    throw new StartError('No collector is configured. Set "tracing": {"endpoint": "http://127.0.0.1:4318"}.');
  try {
    const events = await readRun(configuration, runId);
    if (events.length === 0) throw new StartError(`There is no run ${runId.slice(0, 100)} in this database.`);
    const spans = spansOfTape(events, traceOptions(configuration));
    const [first] = spans;
    if (!first) throw new StartError(`The run ${runId} has not ended. Its trace is exported when it has.`);
    await exporter.export(spans).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      throw new StartError(
        `The collector at ${configuration.file.tracing.endpoint} did not take the trace: ${reason}`,
        error,
      );
    });
    process.stdout.write(`trace ${first.traceId}: ${spans.length} spans of ${runId}\n`);
  } finally {
    await exporter.close();
  }
}

function readRun({ databaseUrl }: Configuration, runId: string) {
  return withStoreFailures(databaseUrl, async () => {
    const database = await openForReading(databaseUrl);
    try {
      return await readTracedTape(createDatabaseJournal(database, systemClock).read, runId);
    } finally {
      await database.close();
    }
  });
}
