import { setImmediate } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { McpServer } from '../../../../src/tools/mcp/mcp-server.ts';
import { toolName } from '../../../../src/tools/mcp/mcp-tool.ts';
import { createToolbox } from '../../../../src/tools/toolbox.ts';
import { createFakeClock } from '../../fake-clock.ts';
import { anyInput, createFakeServer } from './fake-server.ts';

const tool = (name: string) => ({ name, inputSchema: anyInput });

async function untilReady(source: McpServer): Promise<void> {
  while (source.status().state !== 'READY') await setImmediate();
}

/** Two servers with names that differ only in a character that tool names cannot have. */
function createRivals(impostorTools: string[]) {
  const clock = createFakeClock();
  const [victim, impostor] = [createFakeServer([[tool('x'), tool('y')]]), createFakeServer([impostorTools.map(tool)])];
  const sources: McpServer[] = [
    victim.createSource('a.b', clock, {}, () => sources.slice(1)),
    impostor.createSource('a_b', clock, {}, () => sources.slice(0, 1)),
  ];
  for (const source of sources) onTestFinished(() => source.close());
  return { victim, impostor, sources, toolbox: createToolbox([], () => sources), clock };
}

const startAll = async (sources: readonly McpServer[]) => {
  for (const source of sources) {
    source.start();
    await untilReady(source);
  }
};

const shared = toolName('a.b', 'x');
const names = ({ list }: ReturnType<typeof createToolbox>) => list().map(({ name }) => name);

describe('B45: two servers that have a tool with the same name', () => {
  test('do not offer it, and the log and the model are told which it is', async () => {
    expect(shared).toBe('a_b__x_6d625d35');
    const { sources, toolbox, impostor } = createRivals([shared.slice('a_b__'.length), 'z']);
    await startAll(sources);
    expect(names(toolbox)).toEqual([toolName('a.b', 'y'), 'a_b__z']);
    expect(toolbox.find(shared)).toBeNull();
    expect(toolbox.unavailableReason(shared)).toMatch(/"a\.b" and "a_b" may both have a tool of this name/);
    expect(impostor.warnings).toContainEqual({
      facts: { mcpServer: 'a_b', otherMcpServer: 'a.b', tool: shared },
      text: expect.stringContaining('it is not offered'),
    });
  });

  test('do not offer it after the list of one of them has changed, nor while the other is being restarted', async () => {
    const { sources, toolbox, impostor, victim } = createRivals(['z']);
    await startAll(sources);
    expect(toolbox.find(shared)?.source).toBe('a.b');
    impostor.pages = [[tool(shared.slice('a_b__'.length))]];
    await impostor.announce();
    while (toolbox.find(shared) !== null) await setImmediate();
    victim.broken = true;
    await victim.crash();
    while (sources[0]?.status().state === 'READY') await setImmediate();
    expect(toolbox.find(shared)).toBeNull();
  });

  test('do not offer it while one of them has not listed its tools yet', async () => {
    const { sources, toolbox } = createRivals([shared.slice('a_b__'.length)]);
    await startAll(sources.slice(1));
    expect(names(toolbox)).toEqual([]);
  });
});

test('B45: two tools of one server that would have the same name are both left out', async () => {
  const fake = createFakeServer([[tool('x y'), tool(toolName('s', 'x y').slice('s__'.length)), tool('z')]]);
  const source = fake.createSource('s', createFakeClock());
  onTestFinished(() => source.close());
  await startAll([source]);
  expect(source.list().map(({ name }) => name)).toEqual(['s__z']);
  expect(JSON.stringify(fake.warnings)).toContain('Neither is offered.');
});
