import { scopes } from '../../config/access-config.ts';
import { StartError } from '../../config/start-error.ts';
import { createToken, hashOfToken } from '../access/authentication/tokens.ts';

const DEFAULT_SCOPES = ['read', 'write', 'approve'];

/** Creates a token and prints it once, with the configuration entry that accepts it. Throws a StartError. */
export function tokenCommand([principal, list, ...rest]: readonly string[]): void {
  if (principal === undefined || principal.trim() === '' || rest.length > 0) {
    throw new StartError(
      'Usage: runtape token <principal> [scopes], for example: runtape token ada read,write,approve',
    );
  }
  const requested = list === undefined ? DEFAULT_SCOPES : list.split(',');
  const known: readonly string[] = scopes;
  const unknown = requested.filter((scope) => !known.includes(scope));
  if (unknown.length > 0) {
    throw new StartError(`Unknown scope "${unknown.join('", "')}". The scopes are ${scopes.join(', ')}.`);
  }
  const token = createToken();
  const entry = JSON.stringify({ sha256: hashOfToken(token), principal, scopes: requested });
  process.stdout.write(
    `The token. It is shown only now and is not stored:\n\n  ${token}\n\n` +
      `Add this entry to the configuration file, under "auth": {"mode": "tokens", "tokens": […]}:\n\n  ${entry}\n\n` +
      'Clients send it as `Authorization: Bearer <token>`, and over WebSocket as `authorization` in `connectionParams`.\n',
  );
}
