import type { Json, PolicyEffect } from '../../src/domain/events.ts';
import { isResultRequest } from '../../src/domain/result.ts';
import type { Catalogue } from '../../src/models/catalogue.ts';
import { alwaysClosed } from '../../src/models/circuit.ts';
import { type Model, ModelError, type ModelFinish, type RequestedCall } from '../../src/models/model.ts';
import type { Policy } from '../../src/policy/policy.ts';
import type { Tool, ToolQuestion } from '../../src/tools/tool.ts';
import type { Host } from './host.ts';
import type { Random } from './random.ts';

/** A model call or a tool call in progress. */
export interface Activity {
  host: Host;
  /** The newest message that the model was shown, or the idempotency key of the tool call. */
  key: string;
  kind: 'model' | 'tool';
  signal: AbortSignal;
}

/** What the model and the tools of a server share with the simulation. */
export interface Outside {
  host: Host;
  random: Random;
  /** False when models and tools work well and answer soon. */
  hasTrouble(): boolean;
  /** Probability that a call kills the server while there is trouble. */
  crashes: number;
  /** Whether each third message kills every server that answers it, while there is trouble. */
  hasPoison: boolean;
  /** Kills the server. */
  crash(): void;
  /** Reports a call until the returned function is called. */
  begin(activity: Activity): () => void;
  /** Reports that a tool was called. */
  executed(tool: SimulatedTool, idempotencyKey: string): void;
  /** Reports what a model was shown of the users' messages. */
  shown(texts: readonly string[]): void;
}

export interface SimulatedTool {
  name: string;
  idempotent: boolean;
  parallelSafe: boolean;
  effect: PolicyEffect;
}

export const simulatedTools: readonly SimulatedTool[] = [
  { name: 'look', idempotent: true, parallelSafe: true, effect: 'ALLOW' },
  { name: 'save', idempotent: true, parallelSafe: false, effect: 'ALLOW' },
  { name: 'count', idempotent: false, parallelSafe: true, effect: 'ALLOW' },
  { name: 'send', idempotent: false, parallelSafe: false, effect: 'ALLOW' },
  { name: 'deploy', idempotent: false, parallelSafe: false, effect: 'ASK' },
  { name: 'write', idempotent: true, parallelSafe: true, effect: 'ASK' },
  { name: 'ask', idempotent: true, parallelSafe: true, effect: 'ALLOW' },
  { name: 'erase', idempotent: false, parallelSafe: false, effect: 'DENY' },
];

/** Longer than a lease, so that it has to be renewed meanwhile. */
const SLOW_MILLISECONDS = { low: 5_000, high: 70_000 };
const QUICK_MILLISECONDS = { low: 1, high: 400 };

export function simulatedPolicy(): Policy {
  const effects = new Map(simulatedTools.map(({ name, effect }) => [name, effect]));
  return { evaluate: ({ tool }) => ({ effect: effects.get(tool.name) ?? 'DENY', reason: 'simulated', rules: [] }) };
}

/** Of the results of some messages. */
export const resultSchema = { type: 'object', required: ['done'], properties: { done: { const: true } } };

/** Of the texts `message 1`, `message 2`, … */
const isPoison = (text: string) => Number(text.replace(/\D/g, '')) % 3 === 0;

function duration({ random, hasTrouble }: Outside): number {
  const { low, high } = hasTrouble() && random.chance(0.25) ? SLOW_MILLISECONDS : QUICK_MILLISECONDS;
  return random.int(low, high);
}

export function createSimulatedCatalogue(outside: Outside): Catalogue {
  const model = createSimulatedModel(outside);
  const entry = {
    name: 'simulated',
    provider: 'simulated',
    model,
    circuit: alwaysClosed,
    fallbacks: [],
    contextTokens: 1_000_000,
    price: null,
    maxOutputTokens: null,
    attachments: [],
    structuredOutput: false,
  };
  return {
    defaultName: entry.name,
    names: [entry.name],
    find: (name) => (name === entry.name ? entry : null),
  };
}

function createSimulatedModel(outside: Outside): Model {
  const { host, random, hasTrouble, begin, shown, crash } = outside;
  const { clock } = host;

  async function crashHere(signal: AbortSignal): Promise<void> {
    crash();
    await clock.sleep(1, signal);
  }

  async function answer(text: string, sink: Parameters<Model['stream']>[1], signal: AbortSignal): Promise<ModelFinish> {
    const fate = hasTrouble() ? random.next() : 1;
    await clock.sleep(duration(outside), signal);
    // Now and then the server dies after it has recorded progress.
    if (outside.hasPoison && hasTrouble() && isPoison(text) && random.chance(0.8)) await crashHere(signal);
    if (fate < 0.04) throw new ModelError('MODEL_UNAVAILABLE', 'simulated', { retryable: true });
    if (fate < 0.06) throw new ModelError('MODEL_REFUSED', 'simulated', { retryable: false });
    // Half of the answers that were asked to fit the schema do.
    if (isResultRequest(text) && random.chance(0.5)) sink.text('{"done": true}');
    else
      for (let pieces = random.int(0, 2); pieces > 0; pieces -= 1) {
        sink.text(`piece ${random.int(0, 999)} `);
        if (random.chance(0.5)) await clock.sleep(random.int(1, 100), signal);
      }
    if (fate < 0.12) throw new ModelError('MODEL_UNAVAILABLE', 'simulated', { retryable: true });
    if (hasTrouble() && random.chance(outside.crashes)) await crashHere(signal);
    const calls = random.chance(0.5) ? Array.from({ length: random.pick([1, 1, 2, 3]) }, requestCall) : [];
    const usage = random.chance(0.5) ? { input: 10, output: 5, cachedInput: null, reasoning: null } : null;
    return { reason: calls.length > 0 ? 'tool-calls' : 'stop', calls, usage, responseId: null };
  }

  function requestCall(): RequestedCall {
    const isBroken = random.chance(0.05);
    const tool = random.chance(0.03) ? 'unknown' : random.pick(simulatedTools).name;
    return { callId: null, tool, arguments: isBroken ? '{"value":' : `{"value":${random.int(0, 9)}}` };
  }

  return {
    async stream({ messages }, sink, signal) {
      const texts = messages.flatMap((message) => (message.role === 'user' ? [message.text] : []));
      const sent = texts.filter((text) => !isResultRequest(text));
      shown(sent);
      const end = begin({ host, key: sent.at(-1) ?? '', kind: 'model', signal });
      try {
        return await answer(texts.at(-1) ?? '', sink, signal);
      } finally {
        end();
      }
    },
  };
}

export function createSimulatedTools(outside: Outside): Tool[] {
  return simulatedTools.map((tool) => ({
    name: tool.name,
    idempotent: tool.idempotent,
    parallelSafe: tool.parallelSafe,
    description: 'A simulated tool.',
    inputSchema: { type: 'object' },
    risk: 'LOW' as const,
    timeoutSeconds: 60,
    source: 'builtin',
    prepare: (input: Json) => ({ ok: true as const, input }),
    execute: (_input, { idempotencyKey, signal, progress, ask }) => {
      outside.executed(tool, idempotencyKey);
      const end = outside.begin({ host: outside.host, key: idempotencyKey, kind: 'tool', signal });
      const report = () => progress?.({ progress: 1, total: 2, message: 'half' });
      const work = async () => {
        if (tool.name === 'ask') await ask?.(question, unneeded(outside));
        return perform(outside, signal, report);
      };
      return work().finally(end);
    },
  }));
}

const question: ToolQuestion = { prompt: 'simulated', answerSchema: {}, url: null };

/** Aborts after a while for some questions, which the tool then does not need any more. */
function unneeded(outside: Outside): AbortSignal {
  const { host, random } = outside;
  const controller = new AbortController();
  if (random.chance(0.3)) host.after(duration(outside), () => controller.abort(new Error('not needed')));
  return controller.signal;
}

async function perform(outside: Outside, signal: AbortSignal, report: () => void): Promise<Json> {
  const { host, random, hasTrouble, crash } = outside;
  const fate = hasTrouble() ? random.next() : 1;
  if (random.chance(0.2)) report();
  const ignoresSignal = random.chance(0.1);
  if (random.chance(0.9)) await host.clock.sleep(duration(outside), ignoresSignal ? undefined : signal);
  if (hasTrouble() && random.chance(outside.crashes)) {
    crash();
    await host.clock.sleep(1);
  }
  if (fate < 0.08) throw new Error('The simulated tool failed.');
  return { value: random.int(0, 9) };
}
