import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import { expect, test, vi } from 'vitest';
import { createHttpFetch } from '../../../src/tools/http-fetch.ts';

test('B62: a public address of the machine itself is refused, in a URL and behind a name', async () => {
  const entry = { address: '8.8.8.8', family: 'IPv4' as const, netmask: '', mac: '', internal: false, cidr: null };
  const interfaces = vi.spyOn(os, 'networkInterfaces').mockReturnValue({ eth0: [entry] });
  syncBuiltinESMExports();
  try {
    const tool = createHttpFetch({ lookup: async () => ['8.8.8.8'] });
    expect(tool.prepare({ url: 'http://8.8.8.8/' }, 'ada')).toMatchObject({ ok: false });
    expect(tool.prepare({ url: 'http://8.8.4.4/' }, 'ada')).toMatchObject({ ok: true });
    const session = { id: 'session_1', owner: 'ada' };
    const context = { signal: new AbortController().signal, idempotencyKey: 'key', session };
    await expect(tool.execute({ url: 'http://name.example/' }, context)).rejects.toThrow('not public');
  } finally {
    interfaces.mockRestore();
    syncBuiltinESMExports();
  }
});
