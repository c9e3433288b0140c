import { expect, test } from 'vitest';
import { CancelSessionRunsDocument } from '../../generated/graphql.ts';
import { follow, runById, send } from '../conversation.ts';
import { startTestGateway } from '../gateway.ts';

test('a message that another server answered before is cancelled', async () => {
  const first = await startTestGateway();
  const second = await first.startSecondServer();
  for (let round = 0; round < 10; round += 1) {
    const { session, run } = await send(first.client, { sessionKey: `shared-${round}`, text: '/hang' });
    const queued = await send(second.client, { sessionId: session.id, text: '/say queued' });
    const [{ cancelSessionRuns }, later] = await Promise.all([
      first.client.send(CancelSessionRunsDocument, { input: { sessionId: session.id } }),
      send(second.client, { sessionId: session.id, text: '/say later' }),
    ]);
    for (const id of [run.id, queued.run.id]) expect((await runById(second.client, id)).state).toBe('CANCELLED');
    await follow(second.client, later.run.id);
    const { state } = await runById(first.client, later.run.id);
    expect(cancelSessionRuns).toMatchObject({ cancelledRuns: state === 'CANCELLED' ? 3 : 2 });
    expect(['CANCELLED', 'DONE']).toContain(state);
  }
});
