import { describe, expect, test } from 'vitest';
import type { Json } from '../../../../src/domain/events.ts';
import { startTestGateway } from '../../gateway.ts';
import { apiKey, decideApproval, echo, requestEchoApproval, toolResultOf } from './echo.ts';

const environment = { RUNTAPE_SECRET_KEY: Buffer.alloc(32, 7).toString('base64') };

/** Two servers on one database: a run on the first requests approval, and the second receives the decision. */
async function decideOnSecondServer(variables: Record<string, string>, firstStays: boolean) {
  const seen: Json[] = [];
  const options = { tools: [echo('HIGH', seen)], environment: variables };
  const first = await startTestGateway(options);
  const second = await first.startSecondServer();
  const { runId, approval } = await requestEchoApproval(first.client, { apiKey });
  if (!firstStays) await first.gateway.close(0);
  await decideApproval(second.client, approval.id);
  return { seen, result: await toolResultOf(second.client, runId) };
}

describe('B61: a call that is allowed on another server', () => {
  test('fails and says why if the server that has the credential has stopped', async () => {
    const { seen, result } = await decideOnSecondServer({}, false);
    expect(result).toMatchObject({ ok: false, error: expect.stringContaining('Give it again') });
    expect(seen).toEqual([]);
  });

  test('runs with the credential or fails, but never runs with the placeholder', async () => {
    const { seen, result } = await decideOnSecondServer({}, true);
    expect(seen).toEqual(result.ok ? [{ apiKey }] : []);
  });

  test.each([true, false])(
    'runs with the credential if the servers have a secret key (the first one stays: %s)',
    async (stays) => {
      const { seen, result } = await decideOnSecondServer(environment, stays);
      expect(result).toMatchObject({ ok: true });
      expect(seen).toEqual([{ apiKey }]);
    },
  );
});
