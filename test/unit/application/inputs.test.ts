import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { addedPlaceholderProblem, encryptedInputRows } from '../../../src/application/approval/decided-input.ts';
import { isAllowing, isRemembered, verdictSchema } from '../../../src/application/approval/verdict.ts';
import { invalidSchema } from '../../../src/application/output-schema.ts';
import { parseInput, text } from '../../../src/application/parse-input.ts';
import { messageSchema } from '../../../src/application/run/message.ts';
import { recordableOutput } from '../../../src/application/tool-calls/recordable-output.ts';
import { CLIENT_TOOLS_BYTES, INLINE_OUTPUT_BYTES, OUTPUT_SCHEMA_BYTES } from '../../../src/config/limits.ts';

/** The problems of an input, with their paths; none if it is accepted. */
function problemsOf(schema: z.ZodType, input: unknown): string[] {
  const parsed = parseInput(schema, input);
  return parsed.kind === 'parsed' ? [] : parsed.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe('an input that is refused', () => {
  test('has every problem, with its path', () => {
    const schema = z.object({ a: z.object({ b: text(5) }), c: text(5) });
    const input = { a: { b: ' ' }, c: 'longer' };
    const parsed = parseInput(schema, input);
    expect(parsed).toEqual({
      kind: 'invalid-input',
      issues: [
        { path: ['a', 'b'], message: 'must not be empty' },
        { path: ['c'], message: 'must not be longer than 5 bytes' },
      ],
      message: 'a: b: must not be empty; c: must not be longer than 5 bytes',
    });
  });

  test('has no more than 20 problems, with paths that are not long', () => {
    const schema = z.record(z.string(), z.number());
    const input = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`${index}${'x'.repeat(200)}`, 'no']));
    const parsed = parseInput(schema, input);
    if (parsed.kind === 'parsed') throw new Error('It was accepted.');
    expect(parsed.issues).toHaveLength(20);
    expect(parsed.issues[0]?.path[0]).toHaveLength(100);
    expect(parseInput(schema, { [`${'x'.repeat(99)}😀`]: 'no' })).toMatchObject({
      issues: [{ path: [`${'x'.repeat(99)}\uFFFD`] }],
    });
  });
});

test('a text is stored as both stores can hold it, and its bytes are counted', () => {
  expect(parseInput(text(5), 'a\0')).toEqual({ kind: 'parsed', input: 'a\uFFFD' });
  expect(problemsOf(text(4), 'éé')).toEqual([]);
  expect(problemsOf(text(3), 'éé')).toEqual([': must not be longer than 3 bytes']);
});

describe('a message', () => {
  const message = { sessionKey: 'work', text: 'Hello' };

  test('belongs to a session by its id or by its key', () => {
    const problem = 'sessionId: give either `sessionId` or `sessionKey`';
    expect(problemsOf(messageSchema, message)).toEqual([]);
    expect(problemsOf(messageSchema, { sessionId: 'ses_1', text: 'Hello' })).toEqual([]);
    expect(problemsOf(messageSchema, { ...message, sessionId: 'ses_1' })).toEqual([problem]);
    expect(problemsOf(messageSchema, { text: 'Hello' })).toEqual([problem]);
  });

  test('that joins a run has no schema for the answer', () => {
    const outputSchema = { type: 'object' };
    expect(problemsOf(messageSchema, { ...message, outputSchema, whenBusy: 'QUEUE' })).toEqual([]);
    expect(problemsOf(messageSchema, { ...message, whenBusy: 'STEER' })).toEqual([]);
    expect(problemsOf(messageSchema, { ...message, outputSchema, whenBusy: 'STEER' })).toEqual([
      'outputSchema: cannot be given with `whenBusy: STEER`: the run that receives the message has its own',
    ]);
  });

  test('has a schema for the answer that is an object of bounded length', () => {
    const of = (outputSchema: unknown) => problemsOf(messageSchema, { ...message, outputSchema });
    for (const wrong of ['text', 5, true, []]) {
      expect(of(wrong)).toEqual(['outputSchema: must be a JSON Schema: an object']);
    }
    expect(of(null)).toEqual([]);
    expect(of({ title: 'x'.repeat(OUTPUT_SCHEMA_BYTES - 12) })).toEqual([]);
    expect(of({ title: 'x'.repeat(OUTPUT_SCHEMA_BYTES - 11) })).toEqual([
      `outputSchema: must not be longer than ${OUTPUT_SCHEMA_BYTES} bytes as JSON`,
    ]);
  });

  test('declares tools whose schemas are those of objects', () => {
    const declaration = { name: 'show', description: 'Shows.', inputSchema: { type: 'object' } };
    const of = (...clientTools: object[]) => problemsOf(messageSchema, { ...message, clientTools });
    expect(of(declaration)).toEqual([]);
    for (const inputSchema of [undefined, null, 'object', { type: 'array' }, {}]) {
      expect(of({ ...declaration, inputSchema })).toEqual([
        'clientTools.0.inputSchema: must be a JSON Schema with `"type": "object"`',
      ]);
    }
    for (const name of ['', 'a b', 'x'.repeat(65)]) {
      expect(of({ ...declaration, name })).toEqual([
        'clientTools.0.name: must have 1 to 64 letters, digits, `_` or `-`',
      ]);
    }
    const sized = (bytes: number) => {
      const rest = JSON.stringify([
        { ...declaration, inputSchema: { title: '', type: 'object' }, timeoutSeconds: null },
      ]);
      return of({ ...declaration, inputSchema: { type: 'object', title: 'x'.repeat(bytes - rest.length) } });
    };
    expect(sized(CLIENT_TOOLS_BYTES)).toEqual([]);
    expect(sized(CLIENT_TOOLS_BYTES + 1)).toEqual([
      `clientTools: must not be longer than ${CLIENT_TOOLS_BYTES} bytes as JSON`,
    ]);
    expect(of({ ...declaration, timeoutSeconds: 0 })).toEqual(['clientTools.0.timeoutSeconds: must be at least 1']);
    expect(parseInput(messageSchema, { ...message, clientTools: [declaration] })).toMatchObject({
      input: { clientTools: [{ ...declaration, timeoutSeconds: null }] },
    });
  });
});

test('a schema for answers is refused if the gateway cannot check it', async () => {
  const schemaChecker = {
    problemOf: async (_schema: unknown, principal: string) => (principal === 'ada' ? null : 'It is not.'),
  } as never;
  expect(await invalidSchema({ schemaChecker }, 'eve', null)).toBeNull();
  expect(await invalidSchema({ schemaChecker }, 'ada', { type: 'object' })).toBeNull();
  expect(await invalidSchema({ schemaChecker }, 'eve', { type: 'object' })).toMatchObject({
    kind: 'invalid-input',
    issues: [{ path: ['outputSchema'], message: 'is not a JSON Schema that the gateway can check: It is not.' }],
  });
});

describe('a decision about an approval', () => {
  const of = (decision: 'ALLOW' | 'DENY', more: object = {}) =>
    problemsOf(verdictSchema, { approvalId: 'apr_1', decision, ...more });

  test('lasts for a time only with the scope for that', () => {
    const problem = 'expiresInSeconds: is required with the scope TIMEBOXED and not allowed with any other';
    expect(of('ALLOW', { scope: 'TIMEBOXED', expiresInSeconds: 5 })).toEqual([]);
    expect(of('ALLOW', { scope: 'TIMEBOXED' })).toEqual([problem]);
    expect(of('ALLOW', { scope: 'SESSION', expiresInSeconds: 5 })).toEqual([problem]);
    expect(of('ALLOW', { scope: 'TIMEBOXED', expiresInSeconds: 0 })).toContain('expiresInSeconds: must be at least 1');
  });

  test('replaces the input only if it allows the call', () => {
    expect(of('ALLOW', { editedInput: {} })).toEqual([]);
    expect(of('DENY', { editedInput: null })).toEqual([]);
    expect(of('DENY', { editedInput: {} })).toEqual(['editedInput: is only allowed with the decision ALLOW']);
  });

  test('is bound to a target only if it is remembered', () => {
    const problem = 'bindToTarget: is only allowed with the decision ALLOW and the scope SESSION or TIMEBOXED';
    expect(of('ALLOW', { scope: 'SESSION', bindToTarget: true })).toEqual([]);
    expect(of('ALLOW', { bindToTarget: false })).toEqual([]);
    expect(of('ALLOW', { scope: 'ONCE', bindToTarget: true })).toEqual([problem]);
    expect(of('DENY', { scope: 'SESSION', bindToTarget: true })).toEqual([problem]);
    expect(['ONCE', 'SESSION', 'TIMEBOXED', null].map((scope) => isRemembered(scope as never))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect([isAllowing({ decision: 'ALLOW' } as never), isAllowing({ decision: 'DENY' } as never)]).toEqual([
      true,
      false,
    ]);
  });
});

describe('the input that an approver allows', () => {
  const [own, foreign] = ['[masked token #111111111111]', '[masked token #222222222222]'];

  test('keeps placeholders or loses them, and gets none of other calls', () => {
    expect(addedPlaceholderProblem({ key: own }, {})).toBeNull();
    expect(addedPlaceholderProblem({ key: own }, { other: own })).toBeNull();
    expect(addedPlaceholderProblem({ key: own }, { a: own, b: foreign })).toBe(
      `${foreign} belongs to another call. Type the credential itself.`,
    );
    expect(addedPlaceholderProblem({}, { a: own, b: foreign })).toBe(
      `${own}, ${foreign} belong to another call. Type the credential itself.`,
    );
  });

  /** The rows, and what became of the credentials. */
  async function rowsOf(
    decision: 'ALLOW' | 'DENY',
    inputs: { recorded: object; edited?: object | null },
    stored: { before?: string | null; after?: string | null } = {},
  ) {
    const log: unknown[] = [];
    const secretStore = {
      decrypt: (call: unknown, encrypted: string) => log.push(['decrypt', call, encrypted]),
      adopt: (call: unknown, input: unknown) => log.push(['adopt', call, input]),
      encrypt: () => stored.after ?? null,
    };
    const findUnique = async () => (stored.before ? { encrypted: stored.before } : null);
    const context = { database: { reader: { encryptedInput: { findUnique } } }, secretStore } as never;
    const approval = { callId: 'call_1', runId: 'run_1', sessionId: 'ses_1' } as never;
    const verdict = { decision, ...(inputs.edited !== undefined && { editedInput: inputs.edited as never }) };
    const rows = await encryptedInputRows(context, approval, verdict, inputs.recorded as never);
    return { rows: rows.map(({ row }) => row), log };
  }

  const call = { sessionId: 'ses_1', callId: 'call_1' };

  test('has its credentials encrypted, those of the model and those that were typed', async () => {
    expect(await rowsOf('ALLOW', { recorded: { key: own } }, { before: 'old', after: 'new' })).toEqual({
      rows: [{ callId: 'call_1', runId: 'run_1', encrypted: 'new' }],
      log: [
        ['decrypt', call, 'old'],
        ['adopt', call, { key: own }],
      ],
    });
    const typed = await rowsOf('ALLOW', { recorded: {}, edited: { key: own } }, { after: 'new' });
    expect(typed).toEqual({
      rows: [{ callId: 'call_1', runId: 'run_1', encrypted: 'new' }],
      log: [['adopt', call, { key: own }]],
    });
  });

  test('leaves no encrypted credentials that it does not have any more', async () => {
    const { rows } = await rowsOf('ALLOW', { recorded: { key: own }, edited: {} }, { before: 'old' });
    expect(rows).toEqual([{ value: 'call_1' }]);
    expect((await rowsOf('ALLOW', { recorded: { key: own } }, { before: 'old' })).rows).toEqual([]);
    expect((await rowsOf('ALLOW', { recorded: { key: own }, edited: {} })).rows).toEqual([]);
  });

  test('is not looked at if the call is denied, or nothing in it is a credential', async () => {
    const nothing = { rows: [], log: [] };
    expect(await rowsOf('DENY', { recorded: { key: own } }, { before: 'old', after: 'new' })).toEqual(nothing);
    expect(await rowsOf('ALLOW', { recorded: { a: 1 } }, { before: 'old', after: 'new' })).toEqual(nothing);
  });
});

describe('the output of a tool', () => {
  const newId = (kind: string) => `${kind}_1`;

  test('is recorded with masked credentials', async () => {
    const { output, storedText, rows } = await recordableOutput(newId as never, 'run_1', {
      password: 'hunter22',
      a: 1,
    });
    expect(output).toEqual({ a: 1, password: expect.stringMatching(/^\[masked /) });
    expect([storedText, rows]).toEqual([null, []]);
  });

  test('is stored beside the tape if it is long, and its event has the beginning', async () => {
    const long = 'word '.repeat(INLINE_OUTPUT_BYTES / 4);
    const bytes = Buffer.byteLength(long);
    const { output, storedText, rows } = await recordableOutput(newId as never, 'run_1', long);
    expect(output).toBe(`${long.slice(0, INLINE_OUTPUT_BYTES)}\n[The output continues: ${bytes} bytes in total.]`);
    expect(storedText).toMatchObject({ id: 'storedText_1', bytes: bytes + 2 });
    expect(rows.map(({ row }) => row)).toEqual([{ id: 'storedText_1', runId: 'run_1', content: JSON.stringify(long) }]);
    const list = Array.from({ length: INLINE_OUTPUT_BYTES / 4 }, () => 'abc');
    const { output: start } = await recordableOutput(newId as never, 'run_1', list);
    expect(start).toMatch(/^\["abc","abc",/);
  });

  test('of exactly the length that an event keeps is not stored beside the tape', async () => {
    const longest = 'x '.repeat(INLINE_OUTPUT_BYTES / 2 - 1);
    expect(await recordableOutput(newId as never, 'run_1', longest)).toEqual({
      output: longest,
      storedText: null,
      rows: [],
    });
  });
});
