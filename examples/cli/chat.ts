// A chat in the terminal: `npm run example:cli -- my-session`. Ctrl-C stops the run; a second one ends the program.
import { createInterface } from 'node:readline/promises';
import { createClient, type RunHandle, RuntapeError, type WaitHandle } from '@runtape/client';

const url = process.env.RUNTAPE_URL ?? 'http://127.0.0.1:4000/graphql';
const token = process.env.RUNTAPE_TOKEN ?? null;
const [key = 'cli'] = process.argv.slice(2);

await using tape = createClient({ url, token: () => token });
const session = tape.session(key);
const terminal = createInterface({ input: process.stdin, output: process.stdout });
let active: RunHandle | null = null;

terminal.on('SIGINT', () => {
  if (active) active.cancel('stopped in the terminal').catch(report);
  else terminal.close();
});

/** Asks about an approval, or about more budget. */
async function decide(wait: WaitHandle): Promise<void> {
  const answer = await terminal.question(`\n${wait.data.get().summary} Allow? [y/N] `);
  await (/^y/i.test(answer) ? wait.allow() : wait.deny('denied in the terminal'));
}

async function show(run: RunHandle): Promise<void> {
  for await (const { text, reset } of run.text()) process.stdout.write(reset ? `\n(again) ${text}` : text);
  const { usage } = await run.done();
  console.log(`\n(${usage.totalTokens} tokens)`);
}

function report(error: unknown): void {
  if (!(error instanceof RuntapeError)) throw error;
  console.error(`\n${error.code}: ${error.message}`);
}

const asked = new Set<string>();
const unsubscribe = session.waits.subscribe(() => {
  for (const wait of session.waits.get()) {
    // The other kinds are answered, not decided.
    if (asked.has(wait.id) || (wait.kind !== 'APPROVAL' && wait.kind !== 'BUDGET')) continue;
    asked.add(wait.id);
    decide(wait).catch(report);
  }
});

for (;;) {
  const text = await terminal.question('> ').catch(() => null);
  if (text === null) break;
  if (text.trim() === '') continue;
  try {
    active = await session.send(text);
    await show(active);
  } catch (error) {
    report(error);
  } finally {
    active = null;
  }
}
unsubscribe();
