import { expect, test } from 'vitest';
import { sendMessage } from '../../../src/application/run/send-message.ts';
import { isTerminal } from '../../../src/domain/transitions.ts';
import { startTestGateway, type TestGateway } from '../gateway.ts';

const turns = Number(process.env.RUNTAPE_TURNS ?? 120);
const millisecondsOfTurn = 500;
const contextTokens = 8000;
const viewer = { principal: 'ada', scopes: [] };
const filler = 'This is one more sentence of a conversation that goes on and on. '.repeat(12);

test(
  'B55: a conversation goes on in a small window, and a fact of its first turn that summaries kept is still there',
  async () => {
    const gateway = await startTestGateway({
      file: { models: { scripted: { provider: 'scripted', paceMilliseconds: 0, contextTokens } } },
    });
    const { database, journal } = gateway.gateway.parts;
    const tokens: number[] = [];
    await turn(gateway, '/say Noted. Remember: the number is 7319.');
    for (let number = 2; number < turns; number += 1) {
      const { runId, error } = await turn(gateway, `/say Answer ${number}. ${filler}`);
      expect(error).toBeNull();
      const [context] = await journal.read(runId, { after: 0, limit: 1, types: ['context'] });
      if (context?.type === 'context') tokens.push(context.payload.estimatedTokens);
    }
    const last = await turn(gateway, '/instructions');
    const artifacts = await database.reader.compactionArtifact.findMany({ orderBy: { id: 'asc' } });
    const newest = artifacts.at(-1);
    const figures = {
      turns,
      contextTokens,
      compactions: artifacts.length,
      eventsCovered: newest?.eventCount,
      mostTokens: Math.max(...tokens),
      meanTokens: Math.round(tokens.reduce((sum, each) => sum + each, 0) / tokens.length),
      summaryTokens: newest?.tokensAfter,
      lastTokens: tokens.slice(-5),
    };
    process.stdout.write(`${JSON.stringify(figures)}\n`);
    expect(artifacts.length).toBeGreaterThan(0);
    expect(figures.mostTokens).toBeLessThanOrEqual(contextTokens * 0.8);
    expect(last.output).toContain('the number is 7319');
  },
  turns * millisecondsOfTurn + 60_000,
);

/** One message, sent and waited for within the process. */
async function turn({ gateway }: TestGateway, text: string) {
  const { commands, notifications, database } = gateway.parts;
  const sent = await sendMessage(commands, viewer, { sessionKey: 'window', text });
  if (sent.kind !== 'sent') throw new Error(sent.message);
  const { runId } = sent;
  await new Promise<void>((resolve, reject) => {
    const look = () =>
      database.reader.run
        .findUnique({ where: { id: runId } })
        .then((run) => {
          if (!run || !isTerminal(run.state)) return;
          unsubscribe();
          resolve();
        })
        .catch(reject);
    const unsubscribe = notifications.onRun(runId, (wake) => {
      if (wake === null || wake.hints.includes('end')) void look();
    });
    void look();
  });
  const run = await database.reader.run.findUniqueOrThrow({ where: { id: runId } });
  return { runId, output: run.output, error: run.errorCode };
}
