import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from './credentials.ts';

const root = join(import.meta.dirname, '../..');

/** Lines of prose, code and data that nobody wrote with credentials in mind, with the file they are from. */
export function repositoryLines(): [file: string, line: string][] {
  const filesIn = (folder: string) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
  const own = ['docs', 'src', 'bench', 'examples', 'schema', 'prisma'].flatMap(filesIn);
  const ofPackages = ['node_modules/zod/src', 'node_modules/undici/docs'].flatMap(filesIn);
  // The benchmark installs packages in its folder.
  const files = [...own.filter((name) => !name.includes('node_modules')), ...ofPackages];
  const texts = files.filter((name) => /\.(ts|md|graphql|prisma|sql|json|mjs)$/.test(name) && !name.includes('generated'));
  return [...texts, 'package-lock.json', 'README.md', 'CHANGELOG.md'].flatMap((file) =>
    readFileSync(join(root, file), 'utf8')
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line): [string, string] => [file, line]),
  );
}

/** Random text that is no credential: digests, ids, numbers, encoded files, log lines. */
export function randomOrdinaryTexts(seed: number): string[] {
  const random = seededRandom(seed);
  const of = (alphabet: string, count: number) =>
    Array.from({ length: count }, () => alphabet.charAt(Math.floor(random() * alphabet.length))).join('');
  const hex = (count: number) => of('0123456789abcdef', count);
  const base64 = (count: number) => of('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', count);
  const uuid = () => [8, 4, 4, 4, 12].map(hex).join('-');
  const makers: (() => string)[] = [
    () => `commit ${hex(40)}`,
    () => `sha256:${hex(64)}`,
    () => `sha512-${base64(86)}==`,
    () => uuid(),
    () => `request ${uuid()} took ${Math.floor(random() * 9000)} ms`,
    () => `run_${of('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 26)}`,
    () => `data:image/png;base64,iVBORw0KGgo${base64(400)}`,
    () => `{"type":"image","data":"${base64(1000)}=","mimeType":"image/jpeg"}`,
    () => `2026-11-26T19:08:46.${hex(3)}Z INFO [http] GET /items/${hex(24)}?page=2 200 in 12ms`,
    () => `ETag: "${hex(32)}"`,
    () => `{"pageToken":"${base64(24)}","nextCursor":"${base64(40)}"}`,
    () => `+49 30 ${of('0123456789', 8)}, DE${of('0123456789', 20)}`,
    () => `ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ${base64(340)} ada@example.com`,
    () => `<img src="https://cdn.example.com/${hex(16)}.png?w=640&h=480&v=${hex(8)}" alt="">`,
    () => `traceparent: 00-${hex(32)}-${hex(16)}-01`,
    () => `"integrity": "sha512-${base64(86)}=="`,
    () => `    at Object.run (/app/dist/${hex(8)}.js:${Math.floor(random() * 999)}:17)`,
    () => `0x${hex(64)}`,
  ];
  return Array.from({ length: 25 }, () => makers.map((make) => make())).flat();
}

/** Sentences and code about credentials that hold none. */
export const aboutCredentials: readonly string[] = [
  'Enter your password: at least 12 characters, one digit and one of !@#$%.',
  'The password must not be password123, of course.',
  'password: string; // hashed with argon2',
  "const password = process.env.DB_PASSWORD ?? '';",
  'password = os.environ["DB_PASSWORD"]',
  'DB_PASSWORD=${DB_PASSWORD}',
  'export TOKEN=$GITHUB_TOKEN',
  'password: "{{ vault_db_password }}"',
  'api_key: <your-api-key-here>',
  'secret: arn:aws:secretsmanager:eu-central-1:123456789012:secret:db-AbCdEf',
  'DB_PASSWORD_FILE=/run/secrets/db1',
  'password: ********',
  'apiKey: xxxxxxxxxxxxxxxx',
  'Authorization: Bearer <token>',
  'Authorization: Bearer $TOKEN',
  'The bearer token expires after 3600 seconds.',
  'Basic authentication is described in RFC 7617.',
  'Cookie: see RFC 6265',
  'Set-Cookie: theme=dark; Path=/',
  'GET /callback?state=open&token=none',
  'max_tokens: 4096, total_tokens=12345678',
  'tokens: 123456789',
  'bypass: 123456789, compass=123456789',
  'pass: 14, fail: 2, skipped: 0',
  'access_key_id and secret_access_key come from the console.',
  'private_key_path = "~/.ssh/id_ed25519"',
  'const { password, apiKey } = options;',
  'if (password.length < 8) throw new Error("too short");',
  'secretName: my-secret-1, secretKeyRef: database-2',
  'The risk-averse task-oriented disk-space sk-learn user.',
  'https://example.com:8443/a@b, http://localhost:3000/@scope/name@1.2.3',
  'git@github.com:owner/name.git and ssh://git@host:22/x',
  'npm_config_cache=/tmp/npm_cache_directory',
  '-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ7\n-----END CERTIFICATE-----',
  '-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----',
];
