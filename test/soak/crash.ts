import { crashCampaign } from './campaign.ts';
import { createFileStore, createPostgresStore } from './campaign-store.ts';

/** `npm run soak:crash -- [rounds] [seed] [sqlite|postgres] [servers]` */
const [roundsText = '200', seedText = String(Date.now() % 1_000_000), storeName = 'sqlite', serversText = '3'] =
  process.argv.slice(2);
const [rounds, seed] = [Number(roundsText), Number(seedText)];
const onPostgres = storeName === 'postgres';
const servers = onPostgres ? Number(serversText) : 1;
console.log(`${rounds} rounds with seed ${seed}, ${servers} servers on ${onPostgres ? 'Postgres' : 'SQLite'}`);
await using store = await (onPostgres ? createPostgresStore() : createFileStore());
const report = await crashCampaign({ store, servers, rounds, seed, log: console.log });
console.log(JSON.stringify(report, null, 2));
if (report.problems.length > 0) process.exitCode = 1;
