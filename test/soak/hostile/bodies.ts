import { getIntrospectionQuery } from 'graphql';
import * as limits from '../../../src/config/limits.ts';

/**
 * Bodies that are slow to read, by kind. Each is at most `bytes` long.
 * @param seed makes documents differ from those of other seeds, so that the server has not cached them
 */
export function hostileBodies(bytes: number, seed = 0): Record<string, string> {
  const below = Object.entries(belowLimits()).map(([kind, body]) => [
    `below the limits: ${kind}`,
    body.replace('"query":"', `"query":"#${seed}\\n`),
  ]);
  return { ...beyondLimits(bytes), ...Object.fromEntries(below) };
}

const policy = 'query ($i: JSON!) { explainPolicy(tool: \\"clock\\", sessionId: \\"s\\", input: $i) { reason } }';
const document = (text: string) => JSON.stringify({ query: text });

/** As expensive as the limits for JSON and documents allow. */
function belowLimits(): Record<string, string> {
  const lines = '\n'.repeat(limits.DOCUMENT_LINES - 10);
  const characters = limits.DOCUMENT_CHARACTERS - 200;
  const values = limits.BODY_VALUES - 20;
  const tokens = limits.DOCUMENT_TOKENS;
  const members = limits.BODY_MEMBERS - 20;
  const send = 'mutation ($i: SendMessageInput!) { sendMessage(input: $i) { __typename } }';
  const ids = 'query ($i: [ID!]!) { nodes(ids: $i) { id } }';
  const levels = limits.BODY_LEVELS - 4;
  return {
    'values in variables': `{"query":"${policy}","variables":{"i":[${repeat(values, '0')}]}}`,
    'objects in variables': `{"query":"${policy}","variables":{"i":[${repeat(Math.floor(values / 2), '{}')}]}}`,
    'members in variables': `{"query":"${policy}","variables":{"i":{${numbered(members, (index) => `"k${index}":0`)}}}}`,
    'levels in variables': `{"query":"${policy}","variables":{"i":${'['.repeat(levels)}${']'.repeat(levels)}}}`,
    'unknown input fields': `{"query":"${send}","variables":{"i":{${numbered(members, (index) => `"k${index}":0`)}}}}`,
    'wrong ids': `{"query":"${ids}","variables":{"i":[${repeat(Math.floor(values / 2), '{}')}]}}`,
    'unknown variables': `{"query":"{ viewer { principal } }","variables":{${numbered(members, (index) => `"k${index}":0`)}}}`,
    'lines and errors': document(`{${lines}${numbered(190, (index) => `f${index}`, ' ')} }`),
    'lines and aliases': document(`{${lines}${numbered(40, (index) => `f${index}: viewer { p${index} }`, ' ')} }`),
    'lines and syntax error': document(`{${lines}${' '.repeat(characters - lines.length)}`),
    'long names': document(`{ ${numbered(90, () => 'viewer'.repeat(Math.floor(characters / 550)), ' ')} }`),
    'similar types': document(`{ ${numbered(190, (index) => `...on SesionConection${index} { a }`, ' ')} }`),
    'similar fields': document(`{ gateway { ${numbered(190, (index) => `modelCatalog${index}`, ' ')} } }`),
    'repeated fields': document(`{ ${numbered(190, () => 'gateway { models { name } }', ' ')} }`),
    'repeated nested fields': document(
      `{ ${numbered(14, () => `gateway { ${numbered(60, () => 'models { name }', ' ')} }`, ' ')} }`,
    ),
    'repeated arguments': document(
      `{ ${numbered(190, () => 'sessions(first: 1, filter: { search: "a" }) { __typename }', ' ')} }`,
    ),
    fragments: document(
      `{ viewer { ...f0 } } ${numbered(limits.DOCUMENT_DEFINITIONS - 2, (index) => `fragment f${index} on Viewer { ...f${index + 1} ...f${index + 1} }`, ' ')}`,
    ),
    'fragments of one field': document(
      `{ ${numbered(88, (index) => `...f${index}`, ' ')} } ${numbered(88, (index) => `fragment f${index} on Query { viewer { principal } }`, ' ')}`,
    ),
    'fragments in fragments': document(
      `{ ${numbered(60, (index) => `...f${index}`, ' ')} } ${numbered(60, (index) => `fragment f${index} on Query { viewer { principal } ${numbered(10, (other) => `...f${index + other + 1}`, ' ')} }`, ' ')} ${numbered(10, (index) => `fragment f${index + 60} on Query { __typename }`, ' ')}`,
    ),
    'unused variables': document(
      `query (${numbered(Math.floor(tokens / 4) - 10, (index) => `$a${index}: ID`, ' ')}) { viewer { principal } }`,
    ),
    'unused fragments': document(
      `{ viewer { principal } } ${numbered(limits.DOCUMENT_DEFINITIONS - 2, (index) => `fragment f${index} on Viewer { principal }`, ' ')}`,
    ),
    'ids in the document': document(`{ nodes(ids: [${numbered(tokens - 20, (index) => `"x${index}"`, ' ')}]) { id } }`),
    'object in the document': document(
      `{ explainPolicy(tool: "clock", sessionId: "s", input: {${numbered(Math.floor(tokens / 3) - 20, (index) => `k${index}: 0`, ' ')}}) { reason } }`,
    ),
    'same names in an object': document(
      `{ explainPolicy(tool: "clock", sessionId: "s", input: {${numbered(Math.floor(tokens / 3) - 20, () => 'k: 0', ' ')}}) { reason } }`,
    ),
    introspection: document(getIntrospectionQuery()),
    operations: document(numbered(limits.DOCUMENT_DEFINITIONS, (index) => `query q${index} { __typename }`, ' ')),
    'anonymous operations': document(numbered(limits.DOCUMENT_DEFINITIONS, () => '{ __typename }', ' ')),
  };
}

const numbered = (count: number, piece: (index: number) => string, separator = ',') =>
  Array.from({ length: count }, (_, index) => piece(index)).join(separator);
const repeat = (count: number, piece: string) => Array(count).fill(piece).join(',');

/** As expensive as the length allows. */
function beyondLimits(bytes: number): Record<string, string> {
  const fill = (start: string, piece: string, end = '') =>
    start + piece.repeat(Math.floor((bytes - start.length - end.length) / piece.length)) + end;
  const query = '{ viewer { principal } }';
  const ignored = `{"query":"${query}","ignored":`;
  const half = Math.floor((bytes - ignored.length - 1) / 2);
  const variables = `{"query":"${policy}","variables":{"i":`;
  const deep = Math.floor((bytes - variables.length - 2) / 2);
  const inDocument = Math.floor(bytes / 2) - 100;
  return {
    'deep ignored member': `${ignored}${'['.repeat(half)}${']'.repeat(half)}}`,
    'unclosed brackets': fill(ignored, '['),
    'wide ignored member': fill(`${ignored}[[]`, ',[]', ']}'),
    'many members': `${ignored}{${many(bytes - 100, (index) => `"k${index.toString(36)}":0`)}}}`,
    'deep variables': `${variables}${'['.repeat(deep)}${']'.repeat(deep)}}}`,
    'wide variables': fill(`${variables}[{}`, ',{}', ']}}'),
    'wrong list of variables': fill(
      '{"query":"query ($i: [ID!]!) { nodes(ids: $i) { id } }","variables":{"i":[{}',
      ',{}',
      ']}}',
    ),
    'unknown input fields': `{"query":"mutation ($i: SendMessageInput!) { sendMessage(input: $i) { __typename } }","variables":{"i":{${many(bytes - 200, (index) => `"k${index.toString(36)}":0`)}}}}`,
    'newlines and an unknown field': document(`{${'\n'.repeat(inDocument)}nothing }`),
    'newlines and many unknown fields': document(
      `{${'\n'.repeat(inDocument - 1000)}${many(900, (index) => `f${index}`, ' ')} }`,
    ),
    'newlines and a syntax error': document(`{${'\n'.repeat(inDocument)}`),
    'many spaces': document(`{${' '.repeat(bytes - 100)}nothing }`),
    comments: document(`{${'#\n'.repeat(Math.floor(inDocument / 2))}nothing }`),
    'nested lists': document(`{ nodes(ids: ${'['.repeat(2400)}${']'.repeat(2400)}) { id } }`),
    'deep unclosed lists': document(`{ nodes(ids: ${'['.repeat(bytes - 100)}`),
    'deep unclosed selections': document('{a'.repeat(Math.floor(bytes / 2) - 50)),
    'long block string': document(
      `{ nodes(ids: [${'"""'}${'\n '.repeat(Math.floor(inDocument / 3))}${'"""'}]) { nothing } }`,
    ),
    'long number': document(`{ sessions(first: ${'9'.repeat(bytes - 100)}) { nodes { id } } }`),
    'long name': document(`{ ${'viewer'.repeat(Math.floor(bytes / 6) - 20)} }`),
    escapes: `{"query":"${'\\u0020'.repeat(Math.floor(bytes / 6) - 20)}"}`,
    'many tokens': document(`{ ${'viewer { principal } '.repeat(Math.floor(bytes / 21) - 5)} }`),
    'unknown types': document(`{ viewer { ${many(10_000, (index) => `...on SesionConection${index} { a }`, ' ')} } }`),
    'unused variables': document(`query (${many(17_000, (index) => `$a${index}: ID`, ' ')}) { viewer { principal } }`),
    'repeated fields': document(`{ ${many(6000, () => 'gateway { models { name } }', ' ')} }`),
    'recursive fragments': document(
      `{ viewer { ...f0 } } ${many(30_000, (index) => `fragment f${index} on Viewer { ...f${index + 1} ...f${index + 1} }`, ' ')}`,
    ),
    'conflicting fragments': document(
      `{ ${many(20_000, (index) => `...f${index % 100}`, ' ')} } ${many(13_000, (index) => `fragment f${index} on Query { a: viewer { principal } }`, ' ')}`,
    ),
    'no JSON': fill('', '\n'),
    quotes: fill('', '"'),
  };
}

/** Pieces joined by a comma or a space, at most `maxCharacters` long. */
function many(maxCharacters: number, piece: (index: number) => string, separator = ','): string {
  const pieces: string[] = [];
  for (let index = 0, length = 0; length < maxCharacters; index += 1) {
    const next = piece(index);
    length += next.length + separator.length;
    if (length <= maxCharacters) pieces.push(next);
  }
  return pieces.join(separator);
}
