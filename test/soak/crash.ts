import { crashCampaign } from './campaign.ts';

/** `npm run soak:crash -- [rounds] [seed]` */
const rounds = Number(process.argv[2] ?? 200);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
console.log(`${rounds} rounds with seed ${seed}`);
const report = await crashCampaign(rounds, seed, console.log);
console.log(JSON.stringify(report, null, 2));
if (report.faults.length > 0) process.exitCode = 1;
