// @ts-check
// A model that answers as fast as it is told to, behind the protocol of OpenAI's chat completions. What it does stands in
// the newest message: `tokens=20 pace=5`, see prompt.ts. Every token is the moment at which it was sent.
import { createServer } from 'node:http';
import { listen } from '../processes/listening.mjs';

const directives = /tokens=(\d+) pace=(\d+(?:\.\d+)?) width=(\d+)(?: (hold|step|call=\w+))?/g;
let requests = 0;

const now = () => {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
};

/** @param {number} width */
const token = (width) => `${now().toFixed(3)}`.padEnd(width - 1, '_').concat(' ');

/** @param {Record<string, unknown>} delta @param {string | null} finish */
const chunk = (delta, finish = null) =>
  `data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1,"model":"bench","choices":[{"index":0,"delta":${JSON.stringify(delta)},"finish_reason":${JSON.stringify(finish)}}]}\n\n`;

/** What a tokenizer makes of a text, about: whoever corrects estimates by what is reported finds nothing to correct. */
const CHARACTERS_PER_TOKEN = 4;

/** @param {{ tokens: number; promptTokens: number }} used */
function ending({ tokens, promptTokens }, finish = 'stop') {
  const usage = `"prompt_tokens":${promptTokens},"completion_tokens":${tokens},"total_tokens":${tokens + promptTokens}`;
  const last = `{"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1,"model":"bench","choices":[],"usage":{${usage}}}`;
  return `${chunk({}, finish)}data: ${last}\n\ndata: [DONE]\n\n`;
}

/** @param {string} body */
function directiveOf(body) {
  let found = { tokens: 1, pace: 0, width: 14, more: '', index: 0 };
  for (const { 1: tokens, 2: pace, 3: width, 4: more = '', index } of body.matchAll(directives)) {
    found = { tokens: Number(tokens), pace: Number(pace), width: Number(width), more, index };
  }
  return { ...found, promptTokens: Math.ceil(body.length / CHARACTERS_PER_TOKEN) };
}

/** @param {import('node:http').ServerResponse} response @param {ReturnType<typeof directiveOf>} directive */
function pace(response, { tokens, pace, width, promptTokens }) {
  const begin = now();
  let sent = 0;
  const next = () => {
    if (response.destroyed) return;
    sent += 1;
    response.write(chunk({ content: token(width) }));
    if (sent === tokens) return void response.end(ending({ tokens, promptTokens }));
    setTimeout(next, Math.max(0, begin + sent * pace - now()));
  };
  next();
}

/** One answer at a time can be told when to go on: `POST /step` lets it say a token, `POST /end` ends it. */
const stepping = {
  /** @type {import('node:http').ServerResponse | null} */
  response: null,
  width: 0,
  /** Steps that came before the answer began. */
  waiting: 0,
};

function step() {
  if (stepping.response === null) stepping.waiting += 1;
  else stepping.response.write(chunk({ content: token(stepping.width) }));
}

/** @param {string} command */
function obey(command) {
  if (command === '/step') return step();
  stepping.response?.end(ending({ tokens: 1, promptTokens: 1 }));
  stepping.response = null;
}

/** @param {import('node:http').ServerResponse} response @param {number} width */
function beginStepping(response, width) {
  Object.assign(stepping, { response, width });
  for (; stepping.waiting > 0; stepping.waiting -= 1) step();
}

/** @param {import('node:http').ServerResponse} response @param {string} body */
function answer(response, body) {
  const directive = directiveOf(body);
  const { tokens, width, more, index } = directive;
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const opening = chunk({ role: 'assistant', content: '' });
  if (more.startsWith('call=') && body.indexOf('"role":"tool"', index) < 0) {
    const input = JSON.stringify({ path: 'bench.txt', content: 'written by the benchmark' });
    const call = {
      index: 0,
      id: `call_${requests}`,
      type: 'function',
      function: { name: more.slice(5), arguments: input },
    };
    return void response.end(
      opening + chunk({ tool_calls: [call] }) + ending({ ...directive, tokens: 10 }, 'tool_calls'),
    );
  }
  if (more === 'hold') return void response.write(opening + chunk({ content: token(width) }));
  if (directive.pace === 0 && more === '') {
    // What is ready at once travels in one piece.
    const text = Array.from({ length: tokens }, () => chunk({ content: token(width) }));
    return void response.end(opening + text.join('') + ending(directive));
  }
  response.write(opening);
  if (more === 'step') return beginStepping(response, width);
  pace(response, directive);
}

const server = createServer((request, response) => {
  if (request.method === 'GET') return void response.end(String(requests));
  if (request.url === '/step' || request.url === '/end') {
    obey(request.url);
    return void response.end('ok');
  }
  requests += 1;
  /** @type {Buffer[]} */
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => answer(response, Buffer.concat(pieces).toString()));
});
server.keepAliveTimeout = 600_000;
listen(server);
