import { expect, expectTypeOf, test } from 'vitest';
import { createClient } from '../../../client/src/client.ts';
import type * as client from '../../../client/src/index.ts';
import { RuntapeError } from '../../../client/src/runtape-error.ts';
import type * as contract from '../../data/client.d.ts';
import { RunByIdDocument } from '../../generated/graphql.ts';

test('the package has the API of its contract', () => {
  expectTypeOf(createClient).toExtend<typeof contract.createClient>();
  expectTypeOf(RuntapeError.prototype).toExtend<contract.RuntapeError>();
  expectTypeOf<client.RuntapeClient>().toExtend<contract.RuntapeClient>();
  expectTypeOf<client.SessionHandle>().toExtend<contract.SessionHandle>();
  expectTypeOf<client.RunHandle>().toExtend<contract.RunHandle>();
  expectTypeOf<client.WaitHandle>().toExtend<contract.WaitHandle>();
  expectTypeOf<contract.ClientOptions>().toExtend<client.ClientOptions>();
  expectTypeOf<contract.SendOptions>().toExtend<client.SendOptions>();
});

test('events are typed by `type`, and documents by themselves', () => {
  type Delta = Extract<client.TapeEvent, { type: 'OUTPUT_DELTA' }>;
  expectTypeOf<Delta['text']>().toEqualTypeOf<string>();
  expectTypeOf<client.TapeEvent>().not.toBeAny();
  const ask = (tape: client.RuntapeClient) => tape.query(RunByIdDocument, { id: 'run_1' });
  type Answer = Awaited<ReturnType<typeof ask>>;
  expectTypeOf<NonNullable<Answer['run']>['steps']>().toEqualTypeOf<number>();
});

test('an address that cannot be served is an error at once', () => {
  expect(() => createClient({ url: 'http://127.0.0.1:4000/graphql', transport: 'websocket', webSocket: null })).toThrow(
    /WebSocket/,
  );
});
