import { describe, expect, test } from 'vitest';
import type { Json } from '../../../../src/domain/events.ts';
import { CancelRunDocument } from '../../../generated/graphql.ts';
import { converse } from '../../conversation.ts';
import { calling } from '../../counted-tool.ts';
import { startTestGateway, type TestGateway } from '../../gateway.ts';
import { apiKey, decideApproval, echo, requestEchoApproval, toolResultOf } from './echo.ts';

const environmentOf = (byte: number) => ({ RUNTAPE_SECRET_KEY: Buffer.alloc(32, byte).toString('base64') });
const encryptedInputs = ({ gateway }: TestGateway) => gateway.parts.database.reader.encryptedInput.findMany();

describe('B61: with a secret key, the credentials of a call are stored encrypted until it has a result', () => {
  test('a call that is allowed after a restart runs with them, and they are deleted', async () => {
    const seen: Json[] = [];
    const options = { tools: [echo('HIGH', seen)], environment: environmentOf(1) };
    const started = await startTestGateway(options);
    const { runId, approval } = await requestEchoApproval(started.client, { apiKey, note: 'plain' });
    const [row, ...others] = await encryptedInputs(started);
    expect(others).toEqual([]);
    expect(Buffer.from(row?.encrypted ?? '', 'base64').toString('latin1')).not.toContain(apiKey);
    const again = await started.restart(options);
    await decideApproval(again.client, approval.id);
    expect(await toolResultOf(again.client, runId)).toMatchObject({ ok: true });
    expect(seen).toEqual([{ apiKey, note: 'plain' }]);
    expect(await encryptedInputs(again)).toEqual([]);
  });

  test('an edited input keeps the masked credentials, and those that the approver adds', async () => {
    const seen: Json[] = [];
    const options = { tools: [echo('HIGH', seen)], environment: environmentOf(1) };
    const started = await startTestGateway(options);
    const { runId, approval } = await requestEchoApproval(started.client, { apiKey });
    const again = await started.restart(options);
    const editedInput = { ...(approval.input as object), password: 'correct horse' };
    await decideApproval(again.client, approval.id, { decision: 'ALLOW', editedInput });
    expect(await toolResultOf(again.client, runId)).toMatchObject({ ok: true });
    expect(seen).toEqual([{ apiKey, password: 'correct horse' }]);
    expect(await encryptedInputs(again)).toEqual([]);
  });

  test('with a different secret key, the call fails', async () => {
    const seen: Json[] = [];
    const tools = [echo('HIGH', seen)];
    const started = await startTestGateway({ tools, environment: environmentOf(1) });
    const { runId, approval } = await requestEchoApproval(started.client, { apiKey });
    const again = await started.restart({ tools, environment: environmentOf(2) });
    await decideApproval(again.client, approval.id);
    const { ok, error } = await toolResultOf(again.client, runId);
    expect([ok, error]).toEqual([false, expect.stringContaining('Give it again')]);
    expect(seen).toEqual([]);
    expect(await encryptedInputs(again)).toEqual([]);
  });

  test('denying the call or cancelling its run deletes them', async () => {
    const started = await startTestGateway({ tools: [echo('HIGH', [])], environment: environmentOf(1) });
    const denied = await requestEchoApproval(started.client, { apiKey });
    const cancelled = await requestEchoApproval(started.client, { apiKey }, 'other');
    expect(await encryptedInputs(started)).toHaveLength(2);
    await decideApproval(started.client, denied.approval.id, { decision: 'DENY' });
    expect(await encryptedInputs(started)).toMatchObject([{ runId: cancelled.runId }]);
    await started.client.send(CancelRunDocument, { input: { runId: cancelled.runId } });
    expect(await encryptedInputs(started)).toEqual([]);
  });

  test('nothing is stored for calls above a limit that fails their run', async () => {
    const file = { limits: { maxToolCalls: 1 } };
    const started = await startTestGateway({ tools: [echo('HIGH', [])], environment: environmentOf(1), file });
    const text = calling(['echo', { apiKey }], ['echo', { apiKey }]);
    const { run } = await converse(started.client, { sessionKey: 's', text });
    expect(run).toMatchObject({ state: 'FAILED', error: { code: 'TOOL_LIMIT' } });
    expect(await encryptedInputs(started)).toEqual([]);
  });
});
