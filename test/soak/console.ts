import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { findBrowser } from '../browser/find-browser.ts';
import { createServerFolder } from '../e2e/server-process.ts';
import { type LongTapeKind, writeLongTapes } from './long-tape.ts';

/**
 * `npm run soak:console`: opens tapes of 100,000 events, or of the number given as an argument, in a real browser on the built
 * server. Prints when the first rows and the whole tape are there, and how long frames take while the rows scroll.
 */
const [events = '100000', kinds = 'deltas,calls'] = process.argv.slice(2);
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

await using home = await createServerFolder();
const url = `file:${join(home.folder, 'long.db')}`;
const tapes = await writeLongTapes(url, Number(events), kinds.split(',') as LongTapeKind[]);
const server = await home.start({ DATABASE_URL: url });
const { executablePath, flags } = await findBrowser();

for (const { runId, kind } of tapes) {
  const profile = await mkdtemp(join(tmpdir(), 'runtape-browser-'));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: [...flags, '--no-sandbox', '--disable-gpu'],
    headless: true,
    viewport: { width: 1440, height: 900 },
  });
  const page = browser.pages()[0] ?? (await browser.newPage());
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
  await browser.close();
  await rm(profile, { recursive: true, force: true });
}
