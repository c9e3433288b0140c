import type { Configuration } from '../../config/configuration.ts';
import { verifyJournal } from './verify-journal.ts';

/** Says of every broken tape which event is wrong; exit code 1 where there is one. */
export async function verifyCommand({ databaseUrl }: Configuration): Promise<void> {
  const { tapes, events, broken } = await verifyJournal(databaseUrl, ({ runId, seq, fault }) => {
    process.stdout.write(`${runId}: event ${seq} ${fault}\n`);
  });
  process.stdout.write(`${tapes} tapes, ${events} events in intact ones, ${broken} broken\n`);
  if (broken > 0) process.exitCode = 1;
}
