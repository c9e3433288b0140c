/** Longer names have no meaning. Their end decides. */
const NAME_CHARACTERS = 100;

const secretName =
  /(?:^|[_.-])(?:password|passwd|passphrase|pass|pwd|secret|(?:secret_?)?access_?key|secret_?key|client_?secret|api_?key|account_?key|signing_?key|encryption_?key|access_?token|refresh_?token|auth_?token|bot_?token|private_?key|authorization|cookie|connection_?string)$/i;

/** Whether a string value of a member with this name is always a secret. */
export function isSecretName(name: string): boolean {
  return secretName.test(plainName(name));
}

/** Whether a member with this name holds cookies. */
export function isCookieName(name: string): boolean {
  return /(?:^|-)cookies?$/i.test(name.slice(-NAME_CHARACTERS));
}

/** `awsSecretAccessKey` and `x-api-key` become `aws_Secret_Access_Key` and `x_api_key`. */
function plainName(name: string): string {
  return name
    .slice(-NAME_CHARACTERS)
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll('-', '_');
}
