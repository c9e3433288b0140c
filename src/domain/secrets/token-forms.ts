/** A token that is recognised by its beginning. */
export interface TokenForm {
  kind: string;
  /** Literal beginnings, each at the start of a word. */
  prefixes: readonly string[];
  /**
   * What follows the prefix. It must not fail after a part of unbounded length, so that a failure costs only the characters of
   * a short token: `[a-z]{20,}` is fine, `[a-z]{20,}x` is not. A group `value` limits the secret to itself.
   */
  rest: string;
}

const word = '[A-Za-z0-9_-]';
const alphanumeric = '[A-Za-z0-9]';
const hex = '[0-9a-f]';
const base64 = '[A-Za-z0-9+/=]';

/** The documented forms of tokens of common services. Prefixes that are ordinary words need a longer or exact rest. */
export const tokenForms: readonly TokenForm[] = [
  { kind: 'runtape token', prefixes: ['rt_'], rest: `${word}{43}(?!${word})` },
  { kind: 'api key', prefixes: ['sk-'], rest: `${word}{20,}` },
  { kind: 'api key', prefixes: ['gsk_', 'xai-', 'pplx-', 'nvapi-', 'r8_'], rest: `${word}{36,}` },
  { kind: 'payment key', prefixes: ['sk_live_', 'sk_test_', 'rk_live_', 'rk_test_'], rest: `${alphanumeric}{16,}` },
  { kind: 'webhook secret', prefixes: ['whsec_'], rest: `${base64}{24,}` },
  { kind: 'payment key', prefixes: ['sq0csp-', 'sq0atp-'], rest: `${word}{22,}` },
  { kind: 'shop token', prefixes: ['shpat_', 'shpss_', 'shpca_', 'shppa_'], rest: '[0-9a-fA-F]{32,}' },
  { kind: 'github token', prefixes: ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'], rest: `${alphanumeric}{36,}` },
  { kind: 'github token', prefixes: ['github_pat_'], rest: '[A-Za-z0-9_]{40,}' },
  {
    kind: 'gitlab token',
    prefixes: ['glpat-', 'glrt-', 'gldt-', 'glptt-', 'glcbt-', 'glsoat-', 'glft-', 'glagent-'],
    rest: '[A-Za-z0-9_.-]{19,}[A-Za-z0-9_-]',
  },
  {
    kind: 'slack token',
    prefixes: ['xoxa-', 'xoxb-', 'xoxe-', 'xoxp-', 'xoxr-', 'xoxs-', 'xoxc-', 'xoxd-'],
    rest: '[A-Za-z0-9%-]{10,}',
  },
  { kind: 'slack token', prefixes: ['xapp-', 'xoxe.xoxb-', 'xoxe.xoxp-'], rest: `${word}{20,}` },
  { kind: 'aws key', prefixes: ['AKIA', 'ASIA'], rest: '[A-Z2-7]{16}(?![A-Za-z0-9_])' },
  { kind: 'google key', prefixes: ['AIza'], rest: `${word}{35}(?!${word})` },
  { kind: 'google token', prefixes: ['ya29.'], rest: `${word}{20,}` },
  { kind: 'google token', prefixes: ['GOCSPX-'], rest: `${word}{28}(?!${word})` },
  { kind: 'npm token', prefixes: ['npm_'], rest: `${alphanumeric}{36}(?![A-Za-z0-9_])` },
  { kind: 'pypi token', prefixes: ['pypi-'], rest: `${word}{50,}` },
  { kind: 'huggingface token', prefixes: ['hf_'], rest: `${alphanumeric}{30,}` },
  { kind: 'digitalocean token', prefixes: ['dop_v1_', 'doo_v1_', 'dor_v1_'], rest: `${hex}{64}` },
  { kind: 'sendgrid key', prefixes: ['SG.'], rest: `${word}{20,24}\\.${word}{39,50}` },
  { kind: 'telegram token', prefixes: [':AA'], rest: `${word}{33}(?!${word})` },
  { kind: 'docker token', prefixes: ['dckr_pat_'], rest: `${word}{20,}` },
  { kind: 'vault token', prefixes: ['hvs.', 'hvb.'], rest: `${word}{24,}` },
  { kind: 'grafana token', prefixes: ['glsa_', 'glc_'], rest: '[A-Za-z0-9_+/=]{32,}' },
  { kind: 'linear key', prefixes: ['lin_api_'], rest: `${alphanumeric}{32,}` },
  { kind: 'notion token', prefixes: ['ntn_'], rest: `${alphanumeric}{40,}` },
  { kind: 'atlassian token', prefixes: ['ATATT3xFfGF0'], rest: '[A-Za-z0-9_=-]{40,}' },
  { kind: 'databricks token', prefixes: ['dapi'], rest: `${hex}{32}(?![A-Za-z0-9])` },
  { kind: 'rubygems key', prefixes: ['rubygems_'], rest: `${hex}{48}` },
  { kind: 'supabase token', prefixes: ['sbp_'], rest: `${hex}{40}` },
  { kind: 'postman key', prefixes: ['PMAK-'], rest: `${hex}{24}-${hex}{34}` },
  { kind: 'new relic key', prefixes: ['NRAK-'], rest: '[A-Z0-9]{27}' },
  { kind: 'sentry token', prefixes: ['sntrys_', 'sntryu_'], rest: '[A-Za-z0-9_+/=-]{40,}' },
  { kind: 'age key', prefixes: ['AGE-SECRET-KEY-1'], rest: '[A-Z0-9]{58}' },
  {
    kind: 'webhook',
    prefixes: ['hooks.slack.com/'],
    rest: '(?:services|workflows|triggers)/(?<value>[A-Za-z0-9/]{20,})',
  },
  {
    kind: 'webhook',
    prefixes: ['discord.com/api/webhooks/', 'discordapp.com/api/webhooks/'],
    rest: `\\d{1,20}/(?<value>${word}{40,})`,
  },
  {
    kind: 'private key',
    prefixes: ['-----BEGIN '],
    // The headers of encrypted keys come first. Line ends may be escaped.
    rest:
      '[A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:(?:\\s|\\\\[nr]){0,8}(?:Proc-Type|DEK-Info|Version|Comment|Hash):[^\\n\\\\]{0,200}){0,4}' +
      '[A-Za-z0-9+/=\\s\\\\]*(?:-----END [A-Z0-9 ]{0,40}-----)?',
  },
];
