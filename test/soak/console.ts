import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium, type Page } from 'playwright-core';
import { findBrowser } from '../browser/find-browser.ts';
import { createServerFolder } from '../e2e/server-process.ts';
import { createTape, eventsOf, type LongTapeKind, startTapeServer, writeLongTapes } from './long-tape.ts';

/**
 * `npm run soak:console -- [events] [kinds]`: opens tapes of 100,000 events, or of the number given, in a real browser on the built
 * server. Prints when the first rows and the whole tape are there, and how long frames take while the rows scroll; for `growing`,
 * how long frames take and how much memory the page uses while the tape grows to that length; for `session`, when the session of a
 * run of so many events, which are calls, is there.
 */
const [events = '100000', kindList = 'deltas,calls,growing,session'] = process.argv.slice(2);
const kinds = kindList.split(',');
/** A wheel that is turned fast, and a scroll bar that is dragged through the tape. */
const WHEEL_PIXELS = 200;
const DRAG_PIXELS = 14_000;
const TIMEOUT_MILLISECONDS = 120_000;

/** Resolves when the first row of the tape is on the screen, with the time since the page began to load. */
const untilFirstRow = `new Promise((resolve) => {
  const look = () => {
    const isThere = document.querySelector('[aria-label=Events] [role=option]') !== null;
    if (isThere) resolve(performance.now());
    else requestAnimationFrame(look);
  };
  look();
})`;

const round = (milliseconds: number) => `${Math.round(milliseconds)} ms`;

async function firstRows(page: Page, open: () => Promise<unknown>): Promise<string> {
  await open();
  return round(await page.evaluate<number>(untilFirstRow));
}

/** Scrolls for three seconds, by so many pixels a frame; the durations of the frames. */
const scroll = (pixels: number) => `new Promise((resolve) => {
  const rows = document.querySelector('[aria-label=Events]');
  const frames = [];
  const end = performance.now() + 3000;
  const step = ${pixels};
  rows.scrollTop = 0;
  let last = performance.now();
  const next = (now) => {
    frames.push(now - last);
    last = now;
    rows.scrollTop += step;
    if (now < end) requestAnimationFrame(next);
    else resolve(frames.slice(1).sort((one, other) => one - other));
  };
  requestAnimationFrame(next);
})`;

/** Moves the scrubber to 30 positions; how long each takes until it is on the screen. */
const scrub = `(async () => {
  const slider = document.querySelector('[aria-label=Event]');
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
  const moves = [];
  for (let index = 1; index <= 30; index += 1) {
    const started = performance.now();
    set.call(slider, String(index * 60));
    slider.dispatchEvent(new Event('input', { bubbles: true }));
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    moves.push(performance.now() - started);
  }
  return moves.sort((one, other) => one - other);
})()`;

const summary = (sorted: readonly number[]) =>
  [0.5, 0.95, 1].map((share) => round(sorted[Math.ceil(sorted.length * share) - 1] ?? 0)).join(' / ');

/** Notes how long each frame takes from now on. */
const countFrames = `(() => {
  const frames = (window.frameTimes ??= []);
  let last = performance.now();
  const next = (now) => {
    frames.push(now - last);
    last = now;
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
})()`;
/** The frames since the last call, the longest last. */
const takeFrames = `window.frameTimes.splice(0).sort((one, other) => one - other)`;

const GROWTH_EVENTS = 200;
const GROWTH_MILLISECONDS = 100;

/** The page shows the newest event while the tape grows by 2,000 events in a second. */
async function watchGrowth(page: Page, databaseUrl: string): Promise<void> {
  await using gateway = await startTapeServer(databaseUrl);
  const { sessionId, runId, append } = await createTape(gateway, 'growing');
  const all = eventsOf('calls', Number(events), sessionId);
  await append(all.slice(0, GROWTH_EVENTS));
  await page.goto(new URL(`/runs/${runId}`, gateway.url).href);
  await page.evaluate(untilFirstRow);
  await page.evaluate(countFrames);
  const debug = await page.context().newCDPSession(page);
  for (let head = GROWTH_EVENTS; head < all.length; head += GROWTH_EVENTS) {
    const started = performance.now();
    await append(all.slice(head, head + GROWTH_EVENTS));
    await sleep(Math.max(0, GROWTH_MILLISECONDS - (performance.now() - started)));
    if (head % 20_000 !== 0) continue;
    const frames = await page.evaluate<number[]>(takeFrames);
    const late = frames.filter((milliseconds) => milliseconds > 34).length;
    await debug.send('HeapProfiler.collectGarbage');
    const { usedSize } = await debug.send('Runtime.getHeapUsage');
    console.log(
      `growing, ${head} events: frames ${summary(frames)}, ${late} of ${frames.length} later than 34 ms, ` +
        `memory ${Math.round(usedSize / 1e6)} MB`,
    );
  }
  await page.getByText(`seq ${all.length} of ${all.length}`).waitFor({ timeout: TIMEOUT_MILLISECONDS });
}

/** Resolves when an answer is on the screen of its session, with the time since the page began to load. */
const untilAnswered = (step: number) => `new Promise((resolve) => {
  const look = () => {
    const messages = [...document.querySelectorAll('.run-block .message')];
    if (messages.some((message) => /Step ${step}(?!\\d)/.test(message.textContent))) resolve(performance.now());
    else requestAnimationFrame(look);
  };
  look();
})`;

async function openBrowser() {
  const profile = await mkdtemp(join(tmpdir(), 'runtape-browser-'));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: [...flags, '--no-sandbox', '--disable-gpu'],
    headless: true,
    viewport: { width: 1440, height: 900 },
  });
  const page = browser.pages()[0] ?? (await browser.newPage());
  return {
    page,
    async [Symbol.asyncDispose]() {
      await browser.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

const isLongTapeKind = (kind: string): kind is LongTapeKind => kind === 'deltas' || kind === 'calls';
const { executablePath, flags } = await findBrowser();
await using home = await createServerFolder();
const url = `file:${join(home.folder, 'long.db')}`;

if (kinds.includes('growing')) {
  await using browser = await openBrowser();
  await watchGrowth(browser.page, `file:${join(home.folder, 'growing.db')}`);
}
const asTapes = kinds.filter(isLongTapeKind);
const tapes = await writeLongTapes(url, Number(events), kinds.includes('session') ? [...asTapes, 'calls'] : asTapes);
const server = await home.start({ DATABASE_URL: url });
for (const [index, { runId, sessionId, kind }] of tapes.entries()) {
  await using browser = await openBrowser();
  const { page } = browser;
  if (index >= asTapes.length) {
    await page.goto(new URL(`/sessions/${sessionId}`, server.url).href, { waitUntil: 'commit' });
    const steps = eventsOf('calls', Number(events), sessionId).filter(({ type }) => type === 'output').length;
    const first = round(await page.evaluate<number>(untilAnswered(1)));
    const last = round(await page.evaluate<number>(untilAnswered(steps)));
    const drawn = await page.locator('.tool-call').count();
    console.log(`session of ${events} events, calls: first answer ${first}, last answer ${last}, ${drawn} calls drawn`);
    continue;
  }
  const address = new URL(`/runs/${runId}`, server.url).href;
  const cold = await firstRows(page, () => page.goto(address, { waitUntil: 'commit' }));
  const again = await firstRows(page, () => page.reload({ waitUntil: 'commit' }));
  const started = performance.now();
  await page.getByText('% here').waitFor({ state: 'detached', timeout: TIMEOUT_MILLISECONDS });
  const rest = round(performance.now() - started);
  const frames = summary(await page.evaluate<number[]>(scroll(WHEEL_PIXELS)));
  const jumps = summary(await page.evaluate<number[]>(scroll(DRAG_PIXELS)));
  const moves = summary(await page.evaluate<number[]>(scrub));
  console.log(
    `${events} events, ${kind}: first rows ${cold}, after a reload ${again}, whole tape ${rest} later; ` +
      `frames while scrolling ${frames}, while dragging the scroll bar ${jumps}, scrubber ${moves} (median / 95 % / longest)`,
  );
}
