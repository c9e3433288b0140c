import { describe, expect, test } from 'vitest';
import type { Json } from '../../../../src/domain/events.ts';
import { startTestGateway } from '../../gateway.ts';
import { askEcho, decideOn, echo, key, resultOf } from './echo.ts';

const environment = { RUNTAPE_SECRET_KEY: Buffer.alloc(32, 7).toString('base64') };

/** Two servers on one database: the first one's run asks, and the second one is told the decision. */
async function decideElsewhere(variables: Record<string, string>, firstStays: boolean) {
  const seen: Json[] = [];
  const options = { tools: [echo('HIGH', seen)], environment: variables };
  const first = await startTestGateway(options);
  const second = await first.beside();
  const { runId, approval } = await askEcho(first.client, { apiKey: key });
  if (!firstStays) await first.gateway.close(0);
  await decideOn(second.client, approval.id);
  return { seen, result: await resultOf(second.client, runId) };
}

describe('B61: a call that is allowed on another server', () => {
  test('fails there and says why, when the one that knew the credential is gone', async () => {
    const { seen, result } = await decideElsewhere({}, false);
    expect(result).toMatchObject({ ok: false, error: expect.stringContaining('Give it again') });
    expect(seen).toEqual([]);
  });

  test('runs with the credential or fails, whichever of them takes it up, and never with the mark', async () => {
    const { seen, result } = await decideElsewhere({}, true);
    expect(seen).toEqual(result.ok ? [{ apiKey: key }] : []);
  });

  test.each([true, false])(
    'runs with the credential where they have a key (the first one stays: %s)',
    async (stays) => {
      const { seen, result } = await decideElsewhere(environment, stays);
      expect(result).toMatchObject({ ok: true });
      expect(seen).toEqual([{ apiKey: key }]);
    },
  );
});
