import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { readConfiguration } from '../../../src/config/configuration.ts';
import * as limits from '../../../src/config/limits.ts';
import { mcpServerSchemas } from '../../../src/config/tools-config.ts';
import { schema } from '../../../src/graphql/schema.ts';
import { createClockTool } from '../../../src/tools/clock-tool.ts';
import { createFileTools } from '../../../src/tools/files/file-tools.ts';
import { createHistorySearch } from '../../../src/tools/history-search.ts';
import { createHttpFetch } from '../../../src/tools/http-fetch.ts';
import { createMemoryTools } from '../../../src/tools/memory-tools.ts';
import { createFakeClock } from '../fake-clock.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/tools.md'), 'utf8');
const blocksOf = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, text = '']) => text);

const builtinTools = [
  createClockTool(createFakeClock()),
  ...createMemoryTools({ search: async () => [], save: async () => ({ id: '' }) }),
  createHistorySearch({ search: async () => [] }),
  createHttpFetch(),
  ...createFileTools(async () => ({ root: '' })),
];

describe('docs/tools.md', () => {
  test('has every built-in tool with its risk and timeout', () => {
    const rows = [...page.matchAll(/^\| `(\w+)` \| ([A-Z]+) \| (yes|no) \| (yes|no) \| (\d+) s \|/gm)];
    const yesOrNo = (value: boolean) => (value ? 'yes' : 'no');
    expect(rows.map(([, ...cells]) => cells)).toEqual(
      builtinTools.map((tool) => [
        tool.name,
        tool.risk,
        yesOrNo(tool.idempotent),
        yesOrNo(tool.parallelSafe),
        String(tool.timeoutSeconds),
      ]),
    );
  });

  test('shows every key of an MCP server, in a valid configuration', () => {
    const [example = ''] = blocksOf('json');
    const outcome = readConfiguration({ TICKETS_TOKEN: 'token' }, () => example);
    expect(outcome).toMatchObject({ ok: true });
    const shown = z.object({ mcpServers: z.record(z.string(), z.record(z.string(), z.unknown())) });
    const keys = Object.values(shown.parse(JSON.parse(example)).mcpServers).flatMap((entry) => Object.keys(entry));
    const allKeys = Object.values(mcpServerSchemas).flatMap(({ shape }) => Object.keys(shape));
    expect(new Set(keys)).toEqual(new Set(allKeys));
    const [, table = ''] = /^\| key \| meaning \|\n(.*?)\n\n/ms.exec(page) ?? [];
    const explained = [...table.matchAll(/^\| (.+?) \|/gm)].flatMap(([, cell = '']) => cell.match(/\w+/g) ?? []);
    expect(new Set(explained)).toEqual(new Set(allKeys));
  });

  test('has valid operations', () => {
    const operations = blocksOf('graphql');
    expect(operations).toHaveLength(3);
    for (const operation of operations) expect(validate(schema, parse(operation))).toEqual([]);
  });

  test.each([
    ['input', `${limits.TOOL_INPUT_BYTES / 1024} KiB as JSON`],
    ['output', `${limits.TOOL_OUTPUT_BYTES / 1024 / 1024} MiB as JSON`],
    ['output in the event', `${limits.INLINE_OUTPUT_BYTES / 1024} KiB`],
    ['levels of an output', `${limits.JSON_LEVELS}`],
    ['error message', `${limits.TOOL_ERROR_CHARACTERS.toLocaleString('en')} characters`],
    ['tools of a server', `${limits.MCP_TOOLS}, on ${limits.MCP_TOOL_PAGES} pages`],
    ['description of a tool', `${limits.MCP_DESCRIPTION_CHARACTERS.toLocaleString('en')} characters`],
    ['input schema of a tool, and its output schema', `${limits.MCP_SCHEMA_BYTES / 1024} KiB`],
    ['message of a server, decompressed', `${limits.MCP_MESSAGE_BYTES / 1024 / 1024} MiB`],
  ])('has the limit of %s', (what, limit) => {
    expect(page).toContain(`| ${what} | ${limit} |`);
  });

  test('has the limits in its text', () => {
    const text = page.replace(/\s+/g, ' ');
    for (const sentence of [
      `Up to ${limits.PARALLEL_CALLS} parallel calls`,
      `paths over ${limits.FILE_PATH_BYTES.toLocaleString('en')} bytes`,
      `reads whole files of up to ${limits.FILE_READ_BYTES / 1024} KiB`,
      `writes whole files of up to ${limits.FILE_WRITE_BYTES / 1024} KiB`,
      `returns up to ${limits.FILE_LIST_ENTRIES.toLocaleString('en')} entries`,
      `a \`prompt\` of up to ${limits.QUESTION_CHARACTERS.toLocaleString('en')} characters`,
      `\`choices\` (up to ${limits.QUESTION_CHOICES} texts)`,
      `\`schema\` of the answer (up to ${limits.ANSWER_SCHEMA_BYTES / 1024} KiB)`,
      `Up to ${limits.FETCH_REDIRECTS} redirects`,
      `${limits.MCP_CALL_SECONDS} by default, ${limits.MCP_MAX_CALL_SECONDS} at most`,
      `within ${limits.MCP_START_SECONDS} s for the handshake`,
      `restarted after up to ${limits.MCP_RESTART_DELAY_SECONDS} s`,
      `up to ${limits.MCP_MAX_RESTART_DELAY_SECONDS} s. After ${limits.MCP_STABLE_SECONDS} s`,
      `wait up to ${limits.MCP_READY_WAIT_SECONDS} s`,
      `the \`retry\` of the stream if that is ${limits.MCP_RECONNECT_SECONDS} to ${limits.MCP_MAX_RECONNECT_SECONDS} s`,
      `every ${limits.MCP_PING_SECONDS} s. It counts as lost after ${limits.MCP_UNANSWERED_PINGS} pings`,
      `SIGTERM after ${limits.MCP_STOP_SECONDS} s, and SIGKILL after another ${limits.MCP_STOP_SECONDS} s`,
      `up to ${limits.MCP_STDERR_LINES} lines a minute, of ${limits.MCP_STDERR_CHARACTERS.toLocaleString('en')} characters`,
      `${limits.PROGRESS_EVENTS} for one execution, with messages of up to ${limits.PROGRESS_MESSAGE_CHARACTERS} characters`,
    ]) {
      expect(text).toContain(sentence);
    }
  });
});
