import { expect, onTestFinished, test } from 'vitest';
import { type Clock, systemClock } from '../../../src/clock.ts';
import { followDatabaseTime } from '../../../src/database/database-clock.ts';
import { openStore } from './postgres-store.ts';

/** Two minutes and a half: longer than any answer of the database takes. */
const APART_MILLISECONDS = 210_000;

test('B50: servers whose clocks are 210 s apart agree on the time, which is that of the database', async () => {
  const { database } = await openStore();
  let skew = 0;
  const machineThatIsOff = (offset: number): Clock => ({
    ...systemClock,
    now: () => systemClock.now() + offset + skew,
  });
  const clocks = await Promise.all(
    [-APART_MILLISECONDS, 0, APART_MILLISECONDS].map((offset) =>
      followDatabaseTime(database, machineThatIsOff(offset)),
    ),
  );
  for (const { close } of clocks) onTestFinished(close);
  const agree = () => {
    const times = clocks.map(({ clock }) => clock.now());
    expect(Math.max(...times) - Math.min(...times)).toBeLessThan(1000);
    // The database of the tests runs on this machine.
    expect(Math.abs((times[0] ?? 0) - Date.now())).toBeLessThan(1000);
  };
  agree();
  // A clock that is set while the server runs changes nothing.
  skew = -3_600_000;
  agree();
});
