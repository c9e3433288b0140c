/** Bodies that are slow to read: each is at most `bytes` long and as expensive as its kind allows. */
export function hostileBodies(bytes: number): Record<string, string> {
  const fill = (start: string, piece: string, end = '') =>
    start + piece.repeat(Math.floor((bytes - start.length - end.length) / piece.length)) + end;
  const query = '{ viewer { principal } }';
  const ignored = `{"query":"${query}","ignored":`;
  const half = Math.floor((bytes - ignored.length - 1) / 2);
  const policy = 'query ($i: JSON!) { explainPolicy(tool: \\"clock\\", sessionId: \\"s\\", input: $i) { reason } }';
  const variables = `{"query":"${policy}","variables":{"i":`;
  const deep = Math.floor((bytes - variables.length - 2) / 2);
  const document = (text: string) => JSON.stringify({ query: text });
  const inDocument = Math.floor(bytes / 2) - 100;
  return {
    'deep ignored member': `${ignored}${'['.repeat(half)}${']'.repeat(half)}}`,
    'unclosed brackets': fill(ignored, '['),
    'wide ignored member': fill(`${ignored}[[]`, ',[]', ']}'),
    'many members': `${ignored}{${many(bytes - 100, (index) => `"k${index.toString(36)}":0`)}}}`,
    'deep variables': `${variables}${'['.repeat(deep)}${']'.repeat(deep)}}}`,
    'wide variables': fill(`${variables}[{}`, ',{}', ']}}'),
    'wrong list of variables': fill('{"query":"query ($i: [ID!]!) { nodes(ids: $i) { id } }","variables":{"i":[{}', ',{}', ']}}'),
    'unknown input fields': `{"query":"mutation ($i: SendMessageInput!) { sendMessage(input: $i) { __typename } }","variables":{"i":{${many(bytes - 200, (index) => `"k${index.toString(36)}":0`)}}}}`,
    'newlines and an unknown field': document(`{${'\n'.repeat(inDocument)}nothing }`),
    'newlines and many unknown fields': document(`{${'\n'.repeat(inDocument - 1000)}${many(900, (index) => `f${index}`, ' ')} }`),
    'newlines and a syntax error': document(`{${'\n'.repeat(inDocument)}`),
    'many spaces': document(`{${' '.repeat(bytes - 100)}nothing }`),
    'comments': document(`{${'#\n'.repeat(Math.floor(inDocument / 2))}nothing }`),
    'nested lists': document(`{ nodes(ids: ${'['.repeat(2400)}${']'.repeat(2400)}) { id } }`),
    'deep unclosed lists': document(`{ nodes(ids: ${'['.repeat(bytes - 100)}`),
    'deep unclosed selections': document('{a'.repeat(Math.floor(bytes / 2) - 50)),
    'long block string': document(`{ nodes(ids: [${'"""'}${'\n '.repeat(Math.floor(inDocument / 3))}${'"""'}]) { nothing } }`),
    'long number': document(`{ sessions(first: ${'9'.repeat(bytes - 100)}) { nodes { id } } }`),
    'long name': document(`{ ${'viewer'.repeat(Math.floor(bytes / 6) - 20)} }`),
    'escapes': `{"query":"${'\\u0020'.repeat(Math.floor(bytes / 6) - 20)}"}`,
    'many tokens': document(`{ ${'viewer { principal } '.repeat(Math.floor(bytes / 21) - 5)} }`),
    'unknown types': document(`{ viewer { ${many(10_000, (index) => `...on SesionConection${index} { a }`, ' ')} } }`),
    'unused variables': document(`query (${many(17_000, (index) => `$a${index}: ID`, ' ')}) { viewer { principal } }`),
    'repeated fields': document(`{ ${many(6000, () => 'gateway { models { name } }', ' ')} }`),
    'recursive fragments': document(`{ viewer { ...f0 } } ${many(30_000, (index) => `fragment f${index} on Viewer { ...f${index + 1} ...f${index + 1} }`, ' ')}`),
    'conflicting fragments': document(`{ ${many(20_000, (index) => `...f${index % 100}`, ' ')} } ${many(13_000, (index) => `fragment f${index} on Query { a: viewer { principal } }`, ' ')}`),
    'no JSON': fill('', '\n'),
    'quotes': fill('', '"'),
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
