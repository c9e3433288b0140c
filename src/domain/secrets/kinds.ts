interface SecretKind {
  name: string;
  /** Runs in linear time. If it has a group `value`, only that group is the secret. */
  pattern: RegExp;
}

/**
 * Text that has the form of a credential, or is in the position of one. Length or randomness alone does not count: hashes,
 * ids and encoded files have both.
 */
export const secretKinds: readonly SecretKind[] = [
  {
    name: 'private key',
    pattern:
      /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[A-Za-z0-9+/=\s\\]{0,8000}(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?/g,
  },
  { name: 'runtape token', pattern: /\brt_[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])/g },
  { name: 'api key', pattern: /\bsk-(?:ant-|proj-|live-|or-v1-)?[A-Za-z0-9_-]{20,200}/g },
  { name: 'payment key', pattern: /\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,200}/g },
  { name: 'github token', pattern: /\b(?:gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{40,251})/g },
  { name: 'gitlab token', pattern: /\bglpat-[A-Za-z0-9_-]{20,100}/g },
  { name: 'slack token', pattern: /\bxox[abeprs]-[A-Za-z0-9-]{10,250}/g },
  { name: 'aws key', pattern: /\b(?:AKIA|ASIA)[A-Z2-7]{16}\b/g },
  { name: 'google key', pattern: /\bAIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/g },
  { name: 'npm token', pattern: /\bnpm_[A-Za-z0-9]{36}\b/g },
  { name: 'huggingface token', pattern: /\bhf_[A-Za-z0-9]{30,60}\b/g },
  { name: 'json web token', pattern: /\beyJ[A-Za-z0-9_-]{8,4000}\.eyJ[A-Za-z0-9_-]{8,8000}\.[A-Za-z0-9_-]{8,2000}/g },
  { name: 'password', pattern: /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@"'<>]{0,100}:(?<value>[^\s/@"'<>]{3,200})@/gi },
  { name: 'authorization', pattern: /\b(?:bearer|basic) +(?<value>(?=[^\s"']{0,400}\d)[A-Za-z0-9+/_.=-]{16,4000})/gi },
  {
    name: 'credential',
    pattern:
      /\b[a-z0-9_.-]{0,40}(?:password|passwd|passphrase|secret|api[_-]?key|access[_-]?key|auth[_-]?token|access[_-]?token|refresh[_-]?token|private[_-]?key)["']?\s{0,3}[:=]\s{0,3}["']?(?<value>(?=[^\s"',;&}]{0,200}[0-9!@#$%^*])[^\s"',;&}<>()[\]{]{8,200})/gi,
  },
];

/** Names of object members whose string value is always a secret. */
export const secretName =
  /^(?:[a-z0-9_-]{0,40}[_-])?(?:password|passwd|passphrase|secret|client_?secret|api_?key|access_?token|refresh_?token|auth_?token|private_?key|authorization)$/i;
