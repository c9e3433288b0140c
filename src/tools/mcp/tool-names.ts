import { createHash } from 'node:crypto';

/** What providers of models take as the name of a tool. */
const LONGEST = 64;
const legal = /^[A-Za-z0-9_-]+$/;
/** Two underscores part server and tool, so a server's own name must neither hold nor end in them to be told apart. */
const plainServer = /^(?!.*__)[A-Za-z0-9_-]*[A-Za-z0-9-]$/;
const SEPARATOR = '__';
const HASH_CHARACTERS = 8;

/**
 * What models call a server's tool by: `<server>__<tool>`. Where that is too long, is not legal, or could mean another
 * pair too, it is cut and ends in a hash of both names. It depends on nothing else, so it is the same after every start.
 */
export function toolName(server: string, tool: string): string {
  const name = `${server}${SEPARATOR}${tool}`;
  if (plainServer.test(server) && legal.test(tool) && name.length <= LONGEST) return name;
  const hash = createHash('sha256')
    .update(JSON.stringify([server, tool]))
    .digest('hex')
    .slice(0, HASH_CHARACTERS);
  return `${beginning(name)}_${hash}`;
}

/** Whether a name could be that of one of the server's tools, whichever it has. */
export function mayBeToolOf(server: string, name: string): boolean {
  return name.startsWith(beginning(`${server}${SEPARATOR}`));
}

function beginning(name: string): string {
  return name.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, LONGEST - HASH_CHARACTERS - 1);
}
