import { expect, onTestFinished, test, vi } from 'vitest';
import { EXPORTED_SPANS } from '../../../src/config/limits.ts';
import { createSpanExporter } from '../../../src/observation/span-exporter.ts';
import type { Span } from '../../../src/observation/spans.ts';
import { sendJson, startProvider } from '../../integration/providers/fake-provider.ts';

const span: Span = {
  traceId: '1'.repeat(32),
  spanId: '2'.repeat(16),
  parentSpanId: null,
  name: 'invoke_agent',
  kind: 'internal',
  startedAt: 1000,
  endedAt: 2000,
  attributes: {},
  isError: false,
  events: [],
};

/** An exporter, and how many spans each request to its collector had. */
async function openExporter(status = 200, slashes = '') {
  const collector = await startProvider((response) => sendJson(response, status, {}));
  const endpoint = new URL(collector.baseURL).origin + slashes;
  const exporter = createSpanExporter({ endpoint, serviceName: 'gateway', version: '1.0.0' });
  onTestFinished(() => exporter.close());
  const sizes = () =>
    collector.requests.map(({ body }) => JSON.parse(body).resourceSpans[0].scopeSpans[0].spans.length as number);
  return { exporter, collector, sizes };
}

test('spans are sent to the path of traces, as many at a time as a request may have', async () => {
  const { exporter, collector, sizes } = await openExporter(200, '//');
  await exporter.export([]);
  expect(sizes()).toEqual([]);
  await exporter.export(Array.from({ length: EXPORTED_SPANS }, () => span));
  expect(sizes()).toEqual([EXPORTED_SPANS]);
  await exporter.export(Array.from({ length: EXPORTED_SPANS + 1 }, () => span));
  expect(sizes()).toEqual([EXPORTED_SPANS, EXPORTED_SPANS, 1]);
  const [request] = collector.requests;
  expect(request).toMatchObject({ path: '/v1/traces', headers: { 'content-type': 'application/json' } });
  expect(request?.body).toContain('{"key":"service.name","value":{"stringValue":"gateway"}}');
});

test('an export fails if the collector refuses it, and nothing else is sent', async () => {
  const { exporter, sizes } = await openExporter(400);
  await expect(exporter.export(Array.from({ length: 2 * EXPORTED_SPANS }, () => span))).rejects.toThrow('Bad Request');
  expect(sizes()).toEqual([EXPORTED_SPANS]);
});

test('headers for the collector come from the environment', async () => {
  vi.stubEnv('OTEL_EXPORTER_OTLP_TRACES_HEADERS', 'x-team=a');
  onTestFinished(() => void vi.unstubAllEnvs());
  const { exporter, collector } = await openExporter();
  await exporter.export([span]);
  expect(collector.requests[0]?.headers).toMatchObject({ 'x-team': 'a' });
});

test('an answer without a body is one that is accepted', async () => {
  const collector = await startProvider((response) => response.end());
  const exporter = createSpanExporter({ endpoint: new URL(collector.baseURL).origin, serviceName: 'a', version: '1' });
  onTestFinished(() => exporter.close());
  await exporter.export([span]);
  expect(collector.requests).toHaveLength(1);
});
