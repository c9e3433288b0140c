// @ts-check
// A model by the protocol of OpenAI's chat completions. The newest message says what it answers: `tokens=20 pace=5`, see
// prompt.ts. The text of each token is the time at which it is sent.
import { createServer } from 'node:http';
import { listen } from '../processes/listening.mjs';

const instructions = /tokens=(\d+) pace=(\d+(?:\.\d+)?) width=(\d+)(?: (hold|step|call=\w+))?/g;
let requests = 0;

/** The input of each tool that is called. @type {Record<string, unknown>} */
const inputs = {
  files_write: { path: 'bench.txt', content: 'written by the benchmark' },
  clock: { timeZone: 'Europe/Berlin' },
};

const now = () => {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
};

/** @param {number} width */
const token = (width) => `${now().toFixed(3)}`.padEnd(width - 1, '_').concat(' ');

/** @param {Record<string, unknown>} delta @param {string | null} finish */
const chunk = (delta, finish = null) =>
  `data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1,"model":"bench","choices":[{"index":0,"delta":${JSON.stringify(delta)},"finish_reason":${JSON.stringify(finish)}}]}\n\n`;

/** The usual ratio, so that a system that adjusts its estimates by the reported usage has nothing to adjust. */
const CHARACTERS_PER_TOKEN = 4;

/** @param {{ tokens: number; promptTokens: number }} usage */
function ending({ tokens, promptTokens }, finish = 'stop') {
  const usage = `"prompt_tokens":${promptTokens},"completion_tokens":${tokens},"total_tokens":${tokens + promptTokens}`;
  const last = `{"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1,"model":"bench","choices":[],"usage":{${usage}}}`;
  return `${chunk({}, finish)}data: ${last}\n\ndata: [DONE]\n\n`;
}

/** The last instruction in the body. @param {string} body */
function instructionIn(body) {
  let instruction = { tokens: 1, pace: 0, width: 14, behaviour: '', index: 0 };
  for (const { 1: tokens, 2: pace, 3: width, 4: behaviour = '', index } of body.matchAll(instructions)) {
    instruction = { tokens: Number(tokens), pace: Number(pace), width: Number(width), behaviour, index };
  }
  return { ...instruction, promptTokens: Math.ceil(body.length / CHARACTERS_PER_TOKEN) };
}

/** @param {import('node:http').ServerResponse} response @param {ReturnType<typeof instructionIn>} instruction */
function sendPaced(response, { tokens, pace, width, promptTokens }) {
  const begin = now();
  let sent = 0;
  const sendNext = () => {
    if (response.destroyed) return;
    sent += 1;
    response.write(chunk({ content: token(width) }));
    if (sent === tokens) return void response.end(ending({ tokens, promptTokens }));
    setTimeout(sendNext, Math.max(0, begin + sent * pace - now()));
  };
  sendNext();
}

/** The one response that sends tokens on request: `POST /step` sends a token, `POST /end` ends it. */
const stepped = {
  /** @type {import('node:http').ServerResponse | null} */
  response: null,
  width: 0,
  /** Requests for a token that came before the response began. */
  pendingSteps: 0,
};

function step() {
  if (stepped.response === null) stepped.pendingSteps += 1;
  else stepped.response.write(chunk({ content: token(stepped.width) }));
}

/** @param {string} path */
function control(path) {
  if (path === '/step') return step();
  stepped.response?.end(ending({ tokens: 1, promptTokens: 1 }));
  stepped.response = null;
}

/** @param {import('node:http').ServerResponse} response @param {number} width */
function beginStepping(response, width) {
  Object.assign(stepped, { response, width });
  for (; stepped.pendingSteps > 0; stepped.pendingSteps -= 1) step();
}

/** @param {import('node:http').ServerResponse} response @param {string} body */
function answer(response, body) {
  const instruction = instructionIn(body);
  const { tokens, width, behaviour, index } = instruction;
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const opening = chunk({ role: 'assistant', content: '' });
  if (behaviour.startsWith('call=') && body.indexOf('"role":"tool"', index) < 0) {
    const name = behaviour.slice('call='.length);
    const call = {
      index: 0,
      id: `call_${requests}`,
      type: 'function',
      function: { name, arguments: JSON.stringify(inputs[name] ?? {}) },
    };
    return void response.end(
      opening + chunk({ tool_calls: [call] }) + ending({ ...instruction, tokens: 10 }, 'tool_calls'),
    );
  }
  if (behaviour === 'hold') return void response.write(opening + chunk({ content: token(width) }));
  if (instruction.pace === 0 && behaviour === '') {
    // One write, as the tokens are available together.
    const chunks = Array.from({ length: tokens }, () => chunk({ content: token(width) }));
    return void response.end(opening + chunks.join('') + ending(instruction));
  }
  response.write(opening);
  if (behaviour === 'step') return beginStepping(response, width);
  sendPaced(response, instruction);
}

const server = createServer((request, response) => {
  if (request.method === 'GET') return void response.end(String(requests));
  if (request.url === '/step' || request.url === '/end') {
    control(request.url);
    return void response.end('ok');
  }
  requests += 1;
  /** @type {Buffer[]} */
  const chunks = [];
  request.on('data', (data) => chunks.push(data));
  request.on('end', () => answer(response, Buffer.concat(chunks).toString()));
});
server.keepAliveTimeout = 600_000;
listen(server);
