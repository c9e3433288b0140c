import { describe, expect, test } from 'vitest';
import { approvalRequest, type ReviewContext } from '../../../src/application/tool-calls/review-call.ts';
import { EVENT_BYTES, MCP_DESCRIPTION_CHARACTERS, MCP_SCHEMA_BYTES } from '../../../src/config/limits.ts';
import type { Json } from '../../../src/domain/events.ts';
import { callsOf } from '../../../src/domain/step.ts';
import type { Tool } from '../../../src/tools/tool.ts';
import { callsRequested, runOf } from '../domain/given.ts';

/** The longest definition that a server can have. */
const longestTool = (character: string): Tool => ({
  name: 'tool_a',
  description: '\u0001'.repeat(MCP_DESCRIPTION_CHARACTERS),
  inputSchema: { description: character.repeat(MCP_SCHEMA_BYTES - 30) },
  risk: 'LOW',
  idempotent: true,
  parallelSafe: true,
  timeoutSeconds: 60,
  source: 'cards',
  prepare: (input) => ({ ok: true, input }),
  execute: async () => null,
  target: () => ({ text: '\u202e'.repeat(90_000), grantable: '' }),
});

const hostileInput = Object.fromEntries(
  Array.from({ length: 40 }, (_, index) => [`${index}${'\u202e'.repeat(200)}`, '\u200b'.repeat(2000)]),
);

function requestOf(tool: Tool | null, previous: Json, interrupted: object = {}) {
  const context: ReviewContext = {
    policy: { evaluate: () => ({ effect: 'ASK', reason: '', rules: [] }) },
    acceptedDefinitions: { quarantineOf: () => ({ previous }) },
    secretStore: { foreignPlaceholders: () => [] },
    newId: (kind) => `${kind}_1`,
    now: () => 0,
    settings: { approvalExpirySeconds: 60 },
  };
  const [call] = callsOf(runOf(callsRequested('a')).step);
  if (!call) throw new Error('There is no call.');
  const request = approvalRequest(
    context,
    { ...call, input: hostileInput, ...interrupted },
    { tool, rules: [], shownDefinition: null },
  );
  if (request.type !== 'approval_request') throw new Error('It is no request.');
  return request.payload;
}

describe('the request for an approval', () => {
  const { name, description, inputSchema, risk, idempotent, source } = longestTool('p');
  const previous = { name, description, inputSchema, risk, idempotent, source };

  test('fits in an event, whatever the tool and the model write', () => {
    const payload = requestOf(longestTool('n'), previous);
    expect(Buffer.byteLength(JSON.stringify(payload))).toBeLessThan(EVENT_BYTES);
    expect(payload.definition).toMatchObject({ inputSchema: { description: expect.stringMatching(/^n+$/) } });
    expect(payload.previousDefinition).toMatchObject({ inputSchema: expect.stringContaining('too long') });
  });

  test('shows the previous definition whole if both fit, and none if it is the same', () => {
    const short = { ...longestTool('n'), description: 'Short.', inputSchema: {} };
    expect(requestOf(short, previous).previousDefinition).toEqual(previous);
    expect(requestOf(longestTool('p'), previous).previousDefinition).toBe(null);
    expect(requestOf(longestTool('p'), null).previousDefinition).toBe(null);
  });

  test('has the highest risk while the tool is away, and the definition that the call was started with', () => {
    expect(requestOf(null, previous, { attempts: 1, definitionHash: 'older' })).toMatchObject({
      approvalId: 'approval_1',
      risk: 'HIGH',
      summary: expect.stringMatching(/^Repeat tool_a.*already\.$/s),
      why: 'unknown_outcome',
      target: null,
      definitionHash: 'older',
      definition: null,
      previousDefinition: null,
    });
  });
});
