import { expect, test } from 'vitest';
import { sendMessage } from '../../../src/application/run/send-message.ts';
import { isTerminal } from '../../../src/domain/transitions.ts';
import { startTestGateway, type TestGateway } from '../gateway.ts';

const turns = Number(process.env.RUNTAPE_TURNS ?? 120);
const millisecondsPerTurn = 500;
const contextTokens = 8000;
const viewer = { principal: 'ada', scopes: [] };
const filler = 'This is one more sentence of a conversation that goes on and on. '.repeat(12);

test(
  'B55: a long conversation continues in a small window, and a summary still contains a fact of the first turn',
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
    const compactions = await database.reader.compactionArtifact.findMany({ orderBy: { id: 'asc' } });
    const newest = compactions.at(-1);
    const figures = {
      turns,
      contextTokens,
      compactions: compactions.length,
      eventsCompacted: newest?.eventCount,
      maxTokens: Math.max(...tokens),
      meanTokens: Math.round(tokens.reduce((sum, each) => sum + each, 0) / tokens.length),
      summaryTokens: newest?.tokensAfter,
      lastTokens: tokens.slice(-5),
    };
    process.stdout.write(`${JSON.stringify(figures)}\n`);
    expect(compactions.length).toBeGreaterThan(0);
    expect(figures.maxTokens).toBeLessThanOrEqual(contextTokens * 0.8);
    expect(last.output).toContain('the number is 7319');
  },
  turns * millisecondsPerTurn + 60_000,
);

/** Sends one message and waits for the end of its run, within the process. */
async function turn({ gateway }: TestGateway, text: string) {
  const { commands, notifications, database } = gateway.parts;
  const sent = await sendMessage(commands, viewer, { sessionKey: 'window', text });
  if (sent.kind !== 'sent') throw new Error(sent.message);
  const { runId } = sent;
  await new Promise<void>((resolve, reject) => {
    const check = () =>
      database.reader.run
        .findUnique({ where: { id: runId } })
        .then((run) => {
          if (!run || !isTerminal(run.state)) return;
          unsubscribe();
          resolve();
        })
        .catch(reject);
    const unsubscribe = notifications.onRun(runId, (notification) => {
      if (notification === null || notification.hints.includes('end')) void check();
    });
    void check();
  });
  const run = await database.reader.run.findUniqueOrThrow({ where: { id: runId } });
  return { runId, output: run.output, error: run.errorCode };
}
