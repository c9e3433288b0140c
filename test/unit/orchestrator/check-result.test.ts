import { describe, expect, test } from 'vitest';
import { RESULT_PROBLEM_CHARACTERS } from '../../../src/config/limits.ts';
import type { Json } from '../../../src/domain/events.ts';
import { type Given, input, origin, status } from '../domain/given.ts';
import { endOf, executed } from './executed-run.ts';
import { type Behaviour, fakeModel, saying } from './fake-model.ts';
import { callingTools, fakeTool } from './fake-tool.ts';

const schema = { type: 'object', properties: { n: { type: 'number' } } };

function asking(outputSchema?: Json): Given {
  const message = input('count');
  if (message.type !== 'input') throw new Error('It is no message.');
  const of = { ...origin, ...(outputSchema !== undefined && { outputSchema }) };
  return [
    { ...message, payload: { ...message.payload, origin: of } },
    status(null, 'PENDING'),
    status('PENDING', 'IN_PROGRESS', { turn: 1 }),
  ];
}

interface Options {
  outputSchema?: Json;
  structuredOutput?: boolean;
  /** What the comparison with the schema finds. */
  check?(value: Json): Promise<string | null>;
}

/** The checks of the answers of a run, and what they compared. */
async function checksOf(behaviours: [Behaviour, ...Behaviour[]], options: Options = {}) {
  const { outputSchema = schema, structuredOutput = false, check = async () => null } = options;
  const compared: unknown[] = [];
  const schemaChecker = {
    forParty: (principal: string) => async (of: unknown, subject: string) => (value: Json) => {
      compared.push({ principal, of, subject, value });
      return check(value);
    },
  } as never;
  const events = await executed({
    models: [fakeModel('m', behaviours, { structuredOutput })],
    tools: [fakeTool('look', async () => null)],
    given: asking(outputSchema),
    parts: { schemaChecker },
  });
  const outputs = events.flatMap((event) => (event.type === 'output' ? [event.payload.result ?? null] : []));
  return { outputs, compared, end: endOf(events) };
}

describe('B73: the answer of a run with an output schema', () => {
  test('is compared with the schema of the message, as one of the owner of the session', async () => {
    const { outputs, compared, end } = await checksOf([saying('{"n":1}')]);
    expect(outputs).toEqual([{ asked: false, problem: null }]);
    expect(compared).toEqual([{ principal: 'ada', of: schema, subject: 'result', value: { n: 1 } }]);
    expect(end?.to).toBe('DONE');
  });

  test('that is no JSON is asked for again, in words', async () => {
    const { outputs, compared } = await checksOf([saying('one'), saying('{"n":1}')]);
    expect(outputs).toEqual([
      { asked: false, problem: expect.stringContaining('JSON') },
      { asked: true, problem: null },
    ]);
    expect(compared).toHaveLength(1);
  });

  test('was asked for if the provider was given the schema', async () => {
    expect((await checksOf([saying('{"n":1}')], { structuredOutput: true })).outputs).toEqual([
      { asked: true, problem: null },
    ]);
  });

  test('has a problem that fits on the tape', async () => {
    const long = `a\0${'b'.repeat(RESULT_PROBLEM_CHARACTERS)}`;
    const { outputs } = await checksOf([saying('{"n":"x"}')], { check: async () => long });
    expect(outputs[0]).toEqual({ asked: false, problem: `a\uFFFD${'b'.repeat(RESULT_PROBLEM_CHARACTERS - 2)}` });
  });

  test('has a problem if it cannot be compared', async () => {
    for (const thrown of [new Error('too slow'), 'too slow']) {
      const { outputs } = await checksOf([saying('{}')], {
        check: async () => {
          throw thrown;
        },
      });
      expect(outputs[0]?.problem).toBe('it cannot be compared with the schema: too slow');
    }
  });

  test('is not compared if it calls tools', async () => {
    const { outputs, compared } = await checksOf([callingTools('look')[0], saying('{"n":1}')]);
    expect(outputs).toEqual([null, { asked: false, problem: null }]);
    expect(compared).toHaveLength(1);
  });
});

test('the answer of a run without an output schema is not compared', async () => {
  const events = await executed({ models: [fakeModel('m', [saying('Hello.')])], given: asking() });
  const output = events.find(({ type }) => type === 'output');
  expect(output?.payload).not.toHaveProperty('result');
});
