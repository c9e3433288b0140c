import { scopes } from '../../config/access-config.ts';
import { StartError } from '../../config/start-error.ts';
import { createToken, hashOfToken } from '../access/authentication/tokens.ts';

const USUAL = ['read', 'write', 'approve'];

/** Makes a token, and prints it once together with the entry that lets it in. Throws a StartError. */
export function tokenCommand([principal, list, ...rest]: readonly string[]): void {
  const usage = 'Say for whom: runtape token <principal> [scopes], for example: runtape token ada read,write,approve';
  if (principal === undefined || principal.trim() === '' || rest.length > 0) throw new StartError(usage);
  const chosen = list === undefined ? USUAL : list.split(',');
  const known: readonly string[] = scopes;
  const unknown = chosen.filter((scope) => !known.includes(scope));
  if (unknown.length > 0) {
    throw new StartError(`There is no scope "${unknown.join('", "')}". There are: ${scopes.join(', ')}.`);
  }
  const token = createToken();
  const entry = JSON.stringify({ sha256: hashOfToken(token), principal, scopes: chosen });
  process.stdout.write(
    `The token, which is shown this once and stored nowhere:\n\n  ${token}\n\n` +
      `Put this entry into the configuration file, under "auth": {"mode": "tokens", "tokens": […]}:\n\n  ${entry}\n\n` +
      'Clients send it as `Authorization: Bearer <token>`, over WebSocket as `authorization` in `connectionParams`.\n',
  );
}
