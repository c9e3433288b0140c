import { crashCampaign } from './campaign.ts';
import { createFileStore, createPostgresStore } from './store.ts';

/** `npm run soak:crash -- [rounds] [seed] [sqlite|postgres] [servers]` */
const [, , ...given] = process.argv;
const rounds = Number(given[0] ?? 200);
const seed = Number(given[1] ?? Date.now() % 1_000_000);
const onPostgres = given[2] === 'postgres';
const servers = onPostgres ? Number(given[3] ?? 3) : 1;
console.log(`${rounds} rounds with seed ${seed}, ${servers} servers on ${onPostgres ? 'Postgres' : 'SQLite'}`);
await using store = await (onPostgres ? createPostgresStore() : createFileStore());
const report = await crashCampaign({ store, servers, rounds, seed, log: console.log });
console.log(JSON.stringify(report, null, 2));
if (report.faults.length > 0) process.exitCode = 1;
