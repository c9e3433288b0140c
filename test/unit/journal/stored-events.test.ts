import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { EVENT_BYTES } from '../../../src/config/limits.ts';
import {
  actors,
  type EventType,
  type Json,
  type PayloadOf,
  payloadSchemas,
  type StampedEvent,
} from '../../../src/domain/events.ts';
import {
  CodecError,
  decode,
  decodeColumns,
  EventTooLargeError,
  encode,
  GENESIS_HASH,
  hashOf,
  type StoredEvent,
  storedColumnNames,
} from '../../../src/journal/codec.ts';

const position = { runId: 'run_1', seq: 3, epoch: 2, previousHash: GENESIS_HASH };
const thought = (text: string): StampedEvent => ({
  type: 'thought',
  actor: 'MODEL',
  recordedAt: 1000,
  payload: { step: 1, text },
});

const usage = { input: 1, output: 2, estimated: true, cost: 0.5, cachedInput: 1, reasoning: 0 };

/** A payload of each type, with no member left out and none null. */
const payloads: { [Type in EventType]: PayloadOf<Type> } = {
  input: {
    text: 'hello',
    steered: false,
    idempotencyKey: 'key',
    origin: {
      sessionId: 'ses_1',
      agentId: 'agt_1',
      model: 'scripted',
      retryOf: 'run_0',
      urgent: true,
      scopes: ['read'],
      outputSchema: { type: 'object' },
      traceParent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    },
    metadata: { ticket: '7' },
    attachments: [{ id: 'att_1', name: 'a.png', mediaType: 'image/png', bytes: 1, sha256: 'f' }],
    clientTools: [{ name: 'pick', description: 'Picks.', inputSchema: { type: 'object' }, timeoutSeconds: 1 }],
  },
  status: {
    from: 'PENDING',
    to: 'IN_PROGRESS',
    reason: 'Because.',
    error: { code: 'INTERNAL', message: 'It broke.', retryable: true },
    turn: 1,
    workMilliseconds: 0,
  },
  context: {
    step: 1,
    model: 'scripted',
    shown: { from: { runId: 'run_0', seq: 1 }, to: { runId: 'run_1', seq: 2 }, messages: 0 },
    memories: [{ id: 'mem_1', score: 0.5 }],
    artifactId: 'art_1',
    agent: { id: 'agt_1', version: 1 },
    instructionsHash: 'a',
    tools: ['clock'],
    toolsHash: 'b',
    cutResults: ['call_1'],
    failedCompaction: { reason: 'Too long.', model: 'scripted', usage },
    estimatedTokens: 0,
    requestHash: 'c',
    responseFormat: true,
    workMilliseconds: 0,
  },
  thought: { step: 1, text: 'Hm.' },
  output_delta: { step: 1, text: 'Ye' },
  output: {
    step: 1,
    text: 'Yes.',
    storedText: { id: 'txt_2', bytes: 5, sha256: 'e' },
    toolCalls: ['call_1'],
    finishReason: 'stop',
    refusal: 'No.',
    usage,
    model: 'scripted',
    responseId: 'res_1',
    providerState: { signature: 'x' },
    result: { problem: 'It is no JSON.', asked: true },
    workMilliseconds: 0,
  },
  tool_call: { step: 1, callId: 'call_1', tool: 'clock', input: { zone: 'UTC' }, inputError: 'Not JSON.' },
  tool_decision: { callId: 'call_1', effect: 'ASK', reason: 'By policy.', rule: 'night', definitionHash: 'e' },
  approval_request: {
    callId: 'call_1',
    approvalId: 'apr_1',
    risk: 'HIGH',
    summary: 'clock()',
    expiresAt: 0,
    why: 'policy',
    target: 'noon',
    rule: 'night',
    definitionHash: 'e',
    definition: { name: 'clock' },
    previousDefinition: { name: 'watch' },
  },
  approval_decision: {
    callId: 'call_1',
    approvalId: 'apr_1',
    status: 'ALLOWED',
    scope: 'ONCE',
    decidedBy: 'ada',
    reason: 'Fine.',
    editedInput: { zone: 'CET' },
    grantId: 'grt_1',
    grantExpiresAt: 0,
    grantTarget: 'noon',
  },
  wait_request: {
    waitId: 'ctc_1',
    kind: 'CLIENT_TOOL',
    callId: 'call_1',
    summary: 'pick()',
    expiresAt: 0,
    question: { prompt: 'Why?', answerSchema: { type: 'string' }, source: 'builtin', url: 'https://example.com/' },
    budget: {
      budget: 'COST',
      appliesTo: 'PRINCIPAL',
      period: 'DAY',
      increases: 'today 5',
      spent: 4.5,
      allowance: 5,
      needed: 1.5,
    },
  },
  wait_settled: {
    waitId: 'ctc_1',
    kind: 'CLIENT_TOOL',
    callId: 'call_1',
    outcome: 'COMPLETED',
    decidedBy: 'ada',
    reason: 'Fine.',
    answer: 'Because.',
    granted: 1.5,
  },
  tool_start: { callId: 'call_1', tool: 'clock', attempt: 1, idempotencyKey: 'key', definitionHash: 'e' },
  tool_progress: { callId: 'call_1', tool: 'clock', progress: 0.5, total: 1.5, message: 'On it.' },
  tool_result: {
    callId: 'call_1',
    tool: 'clock',
    ok: true,
    output: 'noon',
    error: 'None.',
    durationMilliseconds: 0,
    truncated: false,
    storedText: { id: 'txt_1', bytes: 0, sha256: 'd' },
    mayHaveRun: true,
  },
  compaction: { artifactId: 'art_1', tokensBefore: 0, tokensAfter: 0, model: 'scripted', usage },
  resumption: { attempt: 1, step: 1, epoch: 1, lost: true, alone: true, reason: 'Lost.', brokeOff: true },
};
const types = Object.keys(payloadSchemas) as EventType[];

function storedWith(type: string, payload: unknown): StoredEvent {
  const columns = { runId: 'run_1', seq: 3, type, actor: 'SYSTEM', schemaVersion: 2, recordedAt: 1000, epoch: 2 };
  return { ...columns, payload: JSON.stringify(payload), hash: 'x' };
}
const isReadable = (type: string, payload: unknown) => {
  try {
    decode(storedWith(type, payload));
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(CodecError);
    return false;
  }
};

/** The paths of all members, at any depth. */
function pathsIn(value: unknown): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const key = Array.isArray(value) ? Number(name) : name;
    return [[key], ...pathsIn(member).map((path) => [key, ...path])];
  });
}

/** A copy of the value in which the member at the path is replaced, or left out if the replacement is undefined. */
function withMember(value: unknown, [key, ...rest]: (string | number)[], replacement: unknown): unknown {
  if (key === undefined) return replacement;
  if (Array.isArray(value)) {
    return value.map((item, index) => (index === key ? withMember(item, rest, replacement) : item));
  }
  return Object.fromEntries(
    Object.entries(value as object).map(([name, member]) => [
      name,
      name === key ? withMember(member, rest, replacement) : member,
    ]),
  );
}

/** Members that may have any JSON value. */
const anyJson = new Set([
  'input.origin.outputSchema',
  'input.clientTools.0.inputSchema',
  'output.providerState',
  'tool_call.input',
  'approval_request.definition',
  'approval_request.previousDefinition',
  'approval_decision.editedInput',
  'wait_request.question.answerSchema',
  'wait_settled.answer',
  'tool_result.output',
]);
/** Members that older tapes lack, and what they are read as. */
const defaults: [type: EventType, path: string[], value: Json][] = [
  ['input', ['origin', 'scopes'], []],
  ['context', ['agent'], null],
  ['output', ['storedText'], null],
  ['output', ['refusal'], null],
  ['context', ['toolsHash'], ''],
  ['context', ['cutResults'], []],
  ['context', ['failedCompaction'], null],
  ['context', ['failedCompaction', 'usage', 'cachedInput'], null],
  ['context', ['failedCompaction', 'usage', 'reasoning'], null],
  ['output', ['usage', 'cachedInput'], null],
  ['output', ['usage', 'reasoning'], null],
  ['output', ['providerState'], null],
  ['tool_decision', ['definitionHash'], null],
  ['approval_request', ['target'], null],
  ['approval_request', ['rule'], null],
  ['approval_request', ['definitionHash'], null],
  ['approval_request', ['definition'], null],
  ['approval_request', ['previousDefinition'], null],
  ['approval_decision', ['grantTarget'], null],
  ['wait_request', ['question'], null],
  ['wait_request', ['question', 'url'], null],
  ['wait_request', ['budget'], null],
  ['wait_settled', ['answer'], null],
  ['wait_settled', ['granted'], null],
  ['tool_start', ['definitionHash'], null],
  ['tool_result', ['mayHaveRun'], false],
  ['compaction', ['model'], ''],
  ['compaction', ['usage'], null],
  ['compaction', ['usage', 'cachedInput'], null],
  ['compaction', ['usage', 'reasoning'], null],
  ['resumption', ['brokeOff'], false],
  ['resumption', ['alone'], false],
];
/** Members that an event lacks if there is nothing to say, and that older tapes lack. */
const absent: [type: EventType, path: string[]][] = [
  ['input', ['origin', 'outputSchema']],
  ['input', ['origin', 'traceParent']],
  ['input', ['metadata']],
  ['input', ['metadata', 'ticket']],
  ['input', ['attachments']],
  ['input', ['clientTools']],
  ['status', ['workMilliseconds']],
  ['context', ['responseFormat']],
  ['context', ['workMilliseconds']],
  ['output', ['result']],
  ['output', ['workMilliseconds']],
];
const optional = new Set([...defaults, ...absent].map(([type, path]) => [type, ...path].join('.')));

describe.each(types)('the payload of %s', (type) => {
  const payload = payloads[type];
  const paths = pathsIn(payload).filter(
    (path) => ![...anyJson].some((name) => `${type}.${path.join('.')}.`.startsWith(`${name}.`)),
  );

  test('is read as it was written', () => {
    expect(decode(storedWith(type, payload)).payload).toEqual(payload);
  });

  test('is refused if a member has another type', () => {
    for (const path of paths)
      expect([path, isReadable(type, withMember(payload, path, { odd: [] }))]).toEqual([path, false]);
  });

  test('is refused if a member is missing that every release wrote', () => {
    const required = paths.filter(
      (path) => typeof path.at(-1) === 'string' && !optional.has([type, ...path].join('.')),
    );
    for (const path of required)
      expect([path, isReadable(type, withMember(payload, path, undefined))]).toEqual([path, false]);
  });
});

test.each(defaults)('a %s that was recorded without %j is read with %j', (type, path, value) => {
  const withoutMember = withMember(payloads[type], path, undefined);
  expect(decode(storedWith(type, withoutMember)).payload).toEqual(withMember(payloads[type], path, value));
});

test.each(absent)('a %s may lack %j', (type, path) => {
  const withoutMember = withMember(payloads[type], path, undefined);
  expect(decode(storedWith(type, withoutMember)).payload).toEqual(withoutMember);
});

describe('numbers in a payload', () => {
  test.each<[EventType, string[]]>([
    ['status', ['turn']],
    ['context', ['step']],
    ['context', ['shown', 'from', 'seq']],
    ['context', ['agent', 'version']],
    ['thought', ['step']],
    ['tool_start', ['attempt']],
    ['resumption', ['attempt']],
    ['resumption', ['epoch']],
  ])('%s %j counts from 1', (type, path) => {
    expect([1, 0, -1, 1.5].map((value) => isReadable(type, withMember(payloads[type], path, value)))).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  test.each<[EventType, string[]]>([
    ['context', ['estimatedTokens']],
    ['context', ['shown', 'messages']],
    ['output', ['usage', 'input']],
    ['output', ['usage', 'cachedInput']],
    ['approval_request', ['expiresAt']],
    ['approval_decision', ['grantExpiresAt']],
    ['tool_result', ['durationMilliseconds']],
    ['output', ['storedText', 'bytes']],
    ['tool_result', ['storedText', 'bytes']],
    ['compaction', ['tokensAfter']],
  ])('%s %j counts from 0', (type, path) => {
    expect([0, 7, -1, 1.5].map((value) => isReadable(type, withMember(payloads[type], path, value)))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test('a cost may have a fraction, and is never negative', () => {
    const isCost = (cost: number) => isReadable('output', withMember(payloads.output, ['usage', 'cost'], cost));
    expect([0, 0.001, -0.001].map(isCost)).toEqual([true, true, false]);
  });
});

describe('the values of an enumeration', () => {
  test.each<[EventType, string[], string[]]>([
    ['status', ['to'], ['PENDING', 'IN_PROGRESS', 'AWAITING_APPROVAL', 'DONE', 'CANCELLED', 'FAILED']],
    [
      'status',
      ['error', 'code'],
      [
        'MODEL_UNAVAILABLE',
        'MODEL_REFUSED',
        'MODEL_AUTH',
        'CONTEXT_OVERFLOW',
        'STEP_LIMIT',
        'TOOL_LIMIT',
        'DEADLINE',
        'BUDGET',
        'APPROVAL_TIMEOUT',
        'RESUME_LIMIT',
        'INTERNAL',
      ],
    ],
    ['tool_decision', ['effect'], ['ALLOW', 'ASK', 'DENY']],
    ['approval_request', ['risk'], ['LOW', 'MEDIUM', 'HIGH', 'CRITICAL']],
    ['approval_request', ['why'], ['policy', 'unknown_outcome']],
    ['approval_decision', ['status'], ['PENDING', 'ALLOWED', 'DENIED', 'EXPIRED', 'WITHDRAWN']],
    ['approval_decision', ['scope'], ['ONCE', 'SESSION', 'TIMEBOXED']],
  ])('%s %j are read, and any other value is refused', (type, path, values) => {
    const refused = values.filter((value) => !isReadable(type, withMember(payloads[type], path, value)));
    expect(refused).toEqual([]);
    expect(isReadable(type, withMember(payloads[type], path, ''))).toBe(false);
    expect(isReadable(type, withMember(payloads[type], path, 'OTHER'))).toBe(false);
  });
});

describe('an event that is written', () => {
  test('has canonical JSON, its position, its version and its hash', () => {
    const { stored, recorded } = encode(thought('Hm.'), position);
    const columns = {
      runId: 'run_1',
      seq: 3,
      type: 'thought',
      actor: 'MODEL',
      schemaVersion: 2,
      recordedAt: 1000,
      epoch: 2,
    };
    const hash = createHash('sha256')
      .update(`${'0'.repeat(64)}\n["run_1",3,"thought","MODEL",2,1000,2]\n{"step":1,"text":"Hm."}`)
      .digest('hex');
    expect(stored).toEqual({ ...columns, payload: '{"step":1,"text":"Hm."}', hash });
    expect(recorded).toEqual({ ...columns, payload: { step: 1, text: 'Hm.' }, hash });
    expect(decode(stored)).toEqual(recorded);
  });

  test('may be as long as the limit in UTF-8 bytes, and no longer', () => {
    const room = EVENT_BYTES - Buffer.byteLength('{"step":1,"text":""}');
    expect(encode(thought('x'.repeat(room)), position).stored.payload).toHaveLength(EVENT_BYTES);
    expect(() => encode(thought('x'.repeat(room + 1)), position)).toThrow(EventTooLargeError);
    expect(() => encode(thought('é'.repeat(room / 2 + 1)), position)).toThrow(
      expect.objectContaining({
        name: 'EventTooLargeError',
        message: 'An event of type thought of run_1 is longer than 262144 bytes.',
      }),
    );
  });
});

test('the hash depends on the previous hash and on every column', () => {
  const { stored } = encode(thought('Hm.'), position);
  const changed: Partial<StoredEvent>[] = [
    { runId: 'run_2' },
    { seq: 4 },
    { type: 'output_delta' },
    { actor: 'TOOL' },
    { schemaVersion: 1 },
    { recordedAt: 1001 },
    { epoch: null },
    { payload: '{"step":1,"text":"Hm"}' },
  ];
  const hashes = changed.map((change) => hashOf(GENESIS_HASH, { ...stored, ...change }));
  expect(new Set([stored.hash, ...hashes, hashOf(stored.hash, stored)]).size).toBe(changed.length + 2);
  expect(hashOf(GENESIS_HASH, stored)).toBe(stored.hash);
});

describe('the columns of a row', () => {
  const row = [3, 'thought', 'MODEL', 1, 1000, 2, '{}', 'x'];
  const withColumn = (name: string, value: unknown) => row.with(storedColumnNames.indexOf(name), value as string);

  test('have the names of the table, in the order of the values', () => {
    expect(storedColumnNames).toEqual([
      'seq',
      'type',
      'actor',
      'schemaVersion',
      'recordedAt',
      'epoch',
      'payload',
      'hash',
    ]);
    const [seq, type, actor, schemaVersion, recordedAt, epoch, payload, hash] = row;
    const columns = { seq, type, actor, schemaVersion, recordedAt, epoch, payload, hash };
    expect(decodeColumns('run_1', row)).toEqual({ runId: 'run_1', ...columns });
    expect(decodeColumns('run_1', withColumn('epoch', null)).epoch).toBeNull();
  });

  test('can have each actor', () => {
    expect(actors).toEqual(['USER', 'MODEL', 'TOOL', 'OPERATOR', 'SYSTEM']);
    for (const actor of actors) expect(decodeColumns('run_1', withColumn('actor', actor)).actor).toBe(actor);
  });

  test.each([
    ['seq', 0],
    ['seq', 1.5],
    ['seq', '3'],
    ['type', null],
    ['actor', 'NOBODY'],
    ['actor', ''],
    ['schemaVersion', 0],
    ['recordedAt', 1.5],
    ['epoch', '2'],
    ['payload', null],
    ['hash', null],
  ])('are refused if %s is %j', (name, value) => {
    expect(() => decodeColumns('run_1', withColumn(name, value))).toThrow(CodecError);
  });

  test('that cannot be read are named by run and seq, with the fault', () => {
    expect(() => decodeColumns('run_1', withColumn('hash', null))).toThrow(
      /^Event 3 of run_1 cannot be read: .*string/s,
    );
    expect(() => decodeColumns('run_1', null)).toThrow(/^Event null of run_1 cannot be read: /);
    expect(() => decodeColumns('run_1', row.slice(1))).toThrow(CodecError);
  });
});

describe('a stored event that this release cannot read', () => {
  const stored = storedWith('thought', { step: 1, text: 'Hm.' });

  test.each<[Partial<StoredEvent>, RegExp]>([
    [{ schemaVersion: 3 }, /^Event 3 of run_1 cannot be read: this release does not know schema version 3$/],
    [{ type: 'guess' }, /^Event 3 of run_1 cannot be read: this release does not know type guess$/],
    [{ type: 'toString' }, /does not know type toString$/],
    [{ payload: '{"step":1' }, /^Event 3 of run_1 cannot be read: .*expected object/s],
    [{ payload: '{"step":1}' }, /^Event 3 of run_1 cannot be read: .*text/s],
  ])('with %j is refused with the reason', (change, message) => {
    const read = () => decode({ ...stored, ...change });
    expect(read).toThrow(CodecError);
    expect(read).toThrow(expect.objectContaining({ name: 'CodecError', message: expect.stringMatching(message) }));
  });
});

test('other events of schema version 1, and tool results of version 2, have the current form', () => {
  for (const type of types) {
    const older = { ...storedWith(type, { ...payloads[type], attachment: null }), schemaVersion: 1 };
    if (type !== 'tool_result') expect(decode(older).payload).toEqual(payloads[type]);
  }
  const current = storedWith('tool_result', { ...payloads.tool_result, attachment: null });
  expect(decode(current).payload).toEqual(payloads.tool_result);
});

test('a tool result of schema version 1 is read in the current form', () => {
  const { storedText, ...rest } = payloads.tool_result;
  const older = { ...storedWith('tool_result', { ...rest, attachment: storedText }), schemaVersion: 1 };
  expect(decode(older)).toEqual({ ...older, payload: payloads.tool_result });
  for (const payload of ['null', '"x"', '{"callId"']) expect(() => decode({ ...older, payload })).toThrow(CodecError);
});
