import { describe, expect, test } from 'vitest';
import type { Json } from '../../../../src/domain/events.ts';
import { CancelRunDocument } from '../../../generated/graphql.ts';
import { converse } from '../../conversation.ts';
import { calling } from '../../counted-tool.ts';
import { startTestGateway, type TestGateway } from '../../gateway.ts';
import { askEcho, decideOn, echo, key, resultOf } from './echo.ts';

const secretKey = (byte: number) => ({ RUNTAPE_SECRET_KEY: Buffer.alloc(32, byte).toString('base64') });
const sealedIn = ({ gateway }: TestGateway) => gateway.parts.database.reader.encryptedInput.findMany();

describe('B61: with a key, a credential is kept encrypted until its call has a result', () => {
  test('so that a call that was allowed after a restart runs with it, and nothing is left', async () => {
    const seen: Json[] = [];
    const options = { tools: [echo('HIGH', seen)], environment: secretKey(1) };
    const started = await startTestGateway(options);
    const { runId, approval } = await askEcho(started.client, { apiKey: key, note: 'plain' });
    const [row, ...others] = await sealedIn(started);
    expect(others).toEqual([]);
    expect(Buffer.from(row?.encrypted ?? '', 'base64').toString('latin1')).not.toContain(key);
    const again = await started.restart(options);
    await decideOn(again.client, approval.id);
    expect(await resultOf(again.client, runId)).toMatchObject({ ok: true });
    expect(seen).toEqual([{ apiKey: key, note: 'plain' }]);
    expect(await sealedIn(again)).toEqual([]);
  });

  test('an edited input keeps what stays of it, and what the person adds', async () => {
    const seen: Json[] = [];
    const options = { tools: [echo('HIGH', seen)], environment: secretKey(1) };
    const started = await startTestGateway(options);
    const { runId, approval } = await askEcho(started.client, { apiKey: key });
    const again = await started.restart(options);
    const editedInput = { ...(approval.input as object), password: 'correct horse' };
    await decideOn(again.client, approval.id, { decision: 'ALLOW', editedInput });
    expect(await resultOf(again.client, runId)).toMatchObject({ ok: true });
    expect(seen).toEqual([{ apiKey: key, password: 'correct horse' }]);
    expect(await sealedIn(again)).toEqual([]);
  });

  test('with another key it fails as without one', async () => {
    const seen: Json[] = [];
    const tools = [echo('HIGH', seen)];
    const started = await startTestGateway({ tools, environment: secretKey(1) });
    const { runId, approval } = await askEcho(started.client, { apiKey: key });
    const again = await started.restart({ tools, environment: secretKey(2) });
    await decideOn(again.client, approval.id);
    const { ok, error } = await resultOf(again.client, runId);
    expect([ok, error]).toEqual([false, expect.stringContaining('Give it again')]);
    expect(seen).toEqual([]);
    expect(await sealedIn(again)).toEqual([]);
  });

  test('a call that is denied, and one whose run is cancelled, leave nothing', async () => {
    const started = await startTestGateway({ tools: [echo('HIGH', [])], environment: secretKey(1) });
    const denied = await askEcho(started.client, { apiKey: key });
    const cancelled = await askEcho(started.client, { apiKey: key }, 'other');
    expect(await sealedIn(started)).toHaveLength(2);
    await decideOn(started.client, denied.approval.id, { decision: 'DENY' });
    expect(await sealedIn(started)).toMatchObject([{ runId: cancelled.runId }]);
    await started.client.send(CancelRunDocument, { input: { runId: cancelled.runId } });
    expect(await sealedIn(started)).toEqual([]);
  });

  test('nor do calls with which their run fails at once', async () => {
    const file = { limits: { maxToolCalls: 1 } };
    const started = await startTestGateway({ tools: [echo('HIGH', [])], environment: secretKey(1), file });
    const text = calling(['echo', { apiKey: key }], ['echo', { apiKey: key }]);
    const { run } = await converse(started.client, { sessionKey: 's', text });
    expect(run).toMatchObject({ state: 'FAILED', error: { code: 'TOOL_LIMIT' } });
    expect(await sealedIn(started)).toEqual([]);
  });
});
