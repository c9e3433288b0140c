/**
 * Credentials in the formats that services document, and places where people and programs write them. They are composed when
 * the test runs, from a seed, so that this file holds nothing that looks like a live credential.
 */
export interface Sample {
  label: string;
  text: string;
  /** What must not be readable afterwards. */
  secret: string;
}

type Random = () => number;

/** A small generator with a fixed sequence. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const lower = 'abcdefghijklmnopqrstuvwxyz';
const digits = '0123456789';
const hex = `${digits}abcdef`;
const upper = lower.toUpperCase();
const base62 = upper + lower + digits;
const url64 = `${base62}-_`;
const base64 = `${base62}+/`;
const base32 = `${upper}234567`;

/** Text from an alphabet, ending with a letter or digit. */
function pick(random: Random, alphabet: string, count: number): string {
  const at = (characters: string) => characters.charAt(Math.floor(random() * characters.length));
  const last = alphabet.replace(/[^A-Za-z0-9]/g, '');
  return Array.from({ length: count }, (_, index) => at(index === count - 1 ? last : alphabet)).join('');
}

/** One token of each documented format. The parts are joined here and nowhere else. */
export function tokens(random: Random): [label: string, token: string][] {
  const of = (alphabet: string, count: number) => pick(random, alphabet, count);
  const jwtPart = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return [
    ['OpenAI key', ['sk', of(base62, 48)].join('-')],
    ['OpenAI project key', ['sk', 'proj', of(url64, 156)].join('-')],
    ['Anthropic key', ['sk', 'ant', 'api03', of(url64, 95)].join('-')],
    ['OpenRouter key', ['sk', 'or', 'v1', of(hex, 64)].join('-')],
    ['Groq key', ['gsk', of(base62, 52)].join('_')],
    ['xAI key', ['xai', of(base62, 80)].join('-')],
    ['Perplexity key', ['pplx', of(base62, 48)].join('-')],
    ['Replicate token', ['r8', of(base62, 37)].join('_')],
    ['Hugging Face token', ['hf', of(base62, 34)].join('_')],
    ['Stripe key', ['sk', 'live', of(base62, 24)].join('_')],
    ['Stripe restricted key', ['rk', 'live', of(base62, 99)].join('_')],
    ['Stripe webhook secret', ['whsec', of(base62, 32)].join('_')],
    ['GitHub classic token', ['ghp', of(base62, 36)].join('_')],
    ['GitHub app token', ['ghs', of(base62, 36)].join('_')],
    ['GitHub fine-grained token', ['github', 'pat', of(base62, 22), of(base62, 59)].join('_')],
    ['GitLab token', ['glpat', of(url64, 20)].join('-')],
    ['GitLab runner token', ['glrt', of(url64, 20)].join('-')],
    ['Slack bot token', ['xoxb', of(digits, 12), of(digits, 12), of(base62, 24)].join('-')],
    ['Slack app token', ['xapp', '1', `A${of(upper, 10)}`, of(digits, 13), of(hex, 64)].join('-')],
    ['Slack hook', `https://hooks.slack.com/services/T${of(upper, 8)}/B${of(upper, 8)}/${of(base62, 24)}`],
    ['Discord hook', `https://discord.com/api/webhooks/${of(digits, 18)}/${of(url64, 68)}`],
    ['AWS access key id', `AK${'IA'}${of(base32, 16)}`],
    ['AWS temporary key id', `AS${'IA'}${of(base32, 16)}`],
    ['Google API key', `AI${'za'}${of(url64, 35)}`],
    ['Google access token', ['ya29', `a0${of(url64, 120)}`].join('.')],
    ['Google client secret', ['GOCSPX', of(url64, 28)].join('-')],
    ['npm token', ['npm', of(base62, 36)].join('_')],
    ['PyPI token', ['pypi', `AgEIcHlwaS5vcmc${of(url64, 130)}`].join('-')],
    ['DigitalOcean token', ['dop', 'v1', of(hex, 64)].join('_')],
    ['SendGrid key', ['SG', of(url64, 22), of(url64, 43)].join('.')],
    ['Telegram bot token', `${of(digits, 10)}:AA${of(url64, 33)}`],
    ['Docker token', ['dckr', 'pat', of(url64, 27)].join('_')],
    ['Vault token', ['hvs', of(url64, 90)].join('.')],
    ['Grafana token', ['glsa', of(base62, 32), of(hex, 8)].join('_')],
    ['Shopify token', ['shpat', of(hex, 32)].join('_')],
    ['Linear key', ['lin', 'api', of(base62, 40)].join('_')],
    ['Notion token', ['ntn', of(base62, 46)].join('_')],
    ['Databricks token', `da${'pi'}${of(hex, 32)}`],
    ['JSON web token', `${jwtPart({ alg: 'HS256' })}.${jwtPart({ sub: of(hex, 12), exp: 1 })}.${of(url64, 43)}`],
    ['Runtape token', ['rt', of(url64, 43)].join('_')],
  ];
}

/** Where a token is found: prose, commands, files, logs, and JSON within JSON. */
const frames: readonly ((token: string) => string)[] = [
  (token) => token,
  (token) => `The new one is ${token}.`,
  (token) => `export SERVICE=${token}\n`,
  (token) => JSON.stringify({ output: JSON.stringify({ value: token }) }),
  (token) => `first line\\n${token}\\nlast line`,
  (token) => `https://example.com/?next=1%26x%3D${token}`,
  (token) => `[${token}] | \`${token}\``,
];

export function tokenSamples(random: Random): Sample[] {
  return tokens(random).flatMap(([label, token]) =>
    frames.map((frame) => ({ label, text: frame(token), secret: secretPart(token) })),
  );
}

/** The end of a token is enough to tell whether it was masked. */
const secretPart = (token: string) => token.slice(-16);

/** Credentials that are recognised only by what is written before them. */
export function placedSamples(random: Random): Sample[] {
  const of = (alphabet: string, count: number) => pick(random, alphabet, count);
  const sample = (label: string, secret: string, text: string): Sample => ({ label, secret, text });
  const word = () => `${of(lower, 5)}-${of(lower, 4)}${of(digits, 2)}`;
  const strong = () => `${of(base62, 6)}!${of(digits, 3)}`;
  const made: ((secret: string) => Sample)[] = [
    (value) => sample('environment', value, `DB_PASS=${value}\nDB_HOST=localhost`),
    (value) => sample('environment', value, `export POSTGRES_PASSWORD='${value}'`),
    (value) => sample('environment', value, `SMTP_PWD="${value}"`),
    (value) => sample('environment', value, `SECRET_KEY_BASE=${value}${value}`),
    (value) => sample('yaml', value, `database:\n  username: ada\n  password: ${value}\n`),
    (value) => sample('yaml', value, `client_secret: "${value}"`),
    (value) => sample('ini', value, `[mail]\npassphrase = ${value}`),
    (value) => sample('code', value, `const client = connect({ user: 'ada', password: '${value}' });`),
    (value) => sample('code', value, `config.apiKey = "${value}${value}";`),
    (value) => sample('json in json', value, JSON.stringify(JSON.stringify({ user: 'ada', password: value }))),
    (value) => sample('url', value, `postgres://ada:${value}@db.internal:5432/app?ssl=1`),
    (value) => sample('url with @', value, `amqp://ada:p@${value}@queue.internal/`),
    (value) => sample('url', value, `{"url":"redis://:${value}@cache:6379"}`),
    (value) => sample('connection string', value, `Server=tcp:db.example.com;Uid=ada;Pwd=${value};Encrypt=yes`),
    (value) => sample('connection string', value, `Host=db;Username=ada;Password=${value};Database=app`),
    (value) => sample('form', value, `grant_type=password&username=ada&password=${value}&scope=all`),
    (value) => sample('cookie', value, `Set-Cookie: sid=${value}${value}; Path=/; HttpOnly`),
    (value) => sample('cookie', value, `cookie: theme=dark; session=${value}${value}`),
  ];
  const account = `${of(base64, 86)}==`;
  const signature = of(hex, 64);
  const bearer = of(url64, 40);
  return [
    ...made.flatMap((make) => [make(word()), make(strong())]),
    sample(
      'Azure account key',
      account,
      `DefaultEndpointsProtocol=https;AccountName=files;AccountKey=${account};EndpointSuffix=core.windows.net`,
    ),
    sample('Azure shared access key', account, `Endpoint=sb://bus.example.com/;SharedAccessKeyName=all;SharedAccessKey=${account}`),
    sample('Azure signature', bearer, `https://files.blob.core.windows.net/a/b?sv=2024-01-01&se=2026-01-01&sig=${bearer}%3D`),
    sample('AWS signature', signature, `https://b.s3.amazonaws.com/k?X-Amz-Expires=60&X-Amz-Signature=${signature}`),
    sample('Google signature', signature, `{"u":"https://storage.googleapis.com/b/k?a=1\\u0026X-Goog-Signature=${signature}"}`),
    sample('CloudFront signature', bearer, `https://d1.cloudfront.net/k?Expires=1&Signature=${bearer}&Key-Pair-Id=K1`),
    sample('AWS secret key', of(base64, 40), ''),
    sample('header', bearer, `Authorization: Bearer ${bearer}`),
    sample('header', bearer, `curl -H "authorization: bearer ${bearer}" https://example.com`),
    sample('header', bearer, `X-API-Key: ${bearer}`),
    sample('header', bearer, `PRIVATE-TOKEN: x\nX-Auth-Token: ${bearer}`),
    sample('header', bearer, `authorization: Basic ${bearer}`),
    sample('token variable', bearer, `GITHUB_TOKEN=${bearer}`),
    sample('token variable', bearer, `refresh_token: '${bearer}'`),
    ...['RSA PRIVATE KEY', 'PRIVATE KEY', 'OPENSSH PRIVATE KEY', 'EC PRIVATE KEY'].map((name) => {
      const lines = Array.from({ length: 12 }, () => of(base64, 64));
      return sample(name, lines[5] ?? '', `-----BEGIN ${name}-----\n${lines.join('\n')}\n-----END ${name}-----\n`);
    }),
    sample(
      'encrypted private key',
      signature,
      `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,${of(hex, 32)}\n\n${signature}\n-----END RSA PRIVATE KEY-----`,
    ),
  ].map((made) => (made.text === '' ? { ...made, text: `aws_secret_access_key = ${made.secret}` } : made));
}

/** Written after the patterns, and never used to change them: how they do in places that they were not made for. */
export function unseenSamples(random: Random): Sample[] {
  const of = (alphabet: string, count: number) => pick(random, alphabet, count);
  const long = () => of(base62, 32);
  const short = () => `${of(lower, 7)}${of(digits, 3)}`;
  const made: [string, (secret: string) => string, () => string][] = [
    ['Terraform', (secret) => `  admin_password = "${secret}"`, short],
    ['XML', (secret) => `<password>${secret}</password>`, short],
    ['netrc', (secret) => `machine example.com login ada password ${secret}`, short],
    ['Python dictionary', (secret) => `{'api_key': '${secret}', 'timeout': 5}`, long],
    ['Ruby hash', (secret) => `:password => "${secret}"`, short],
    ['Kubernetes secret', (secret) => `data:\n  db-password: ${Buffer.from(secret).toString('base64')}`, short],
    ['proxy header', (secret) => `Proxy-Authorization: Basic ${Buffer.from(`ada:${secret}`).toString('base64')}`, short],
    ['command line', (secret) => `mysql --user=ada --password=${secret} shop`, short],
    ['command line with a blank', (secret) => `vault login --password ${secret}`, short],
    ['short option', (secret) => `mysql -u ada -p${secret} shop`, short],
    ['curl', (secret) => `curl -u ada:${secret} https://example.com`, short],
    ['pgpass', (secret) => `db.example.com:5432:shop:ada:${secret}`, short],
    ['JDBC', (secret) => `jdbc:postgresql://db/shop?user=ada&password=${secret}`, short],
    ['AWS profile', (secret) => `AWS_SECRET_ACCESS_KEY=${secret}`, () => of(base64, 40)],
    ['plain token', (secret) => `token: "${secret}"`, long],
    ['JavaScript', (secret) => `const stripeSecretKey = '${secret}';`, long],
    ['Spring', (secret) => `spring.datasource.password=${secret}`, short],
    ['log', (secret) => `connecting with password=${secret} to db`, short],
    ['sentence', (secret) => `The password is ${secret}, as always.`, short],
    ['question and answer', (secret) => `Password: ${secret}\nLogin succeeded.`, short],
    ['git remote', (secret) => `https://oauth2:${secret}@gitlab.example.com/a/b.git`, long],
    ['query in a log', (secret) => `GET /v1/items?api_key=${secret}&page=2 200`, long],
    ['basic authentication in a URL', (secret) => `ftp://ada:${secret}@files.example.com/`, short],
    ['environment of a container', (secret) => `- MYSQL_ROOT_PASSWORD=${secret}`, short],
  ];
  return made.map(([label, text, secret]) => {
    const value = secret();
    const written = text(value);
    // What must not be readable is the form in which it was written.
    const encoded = written.includes(value) ? value : (written.split(/[ :]/).at(-1) ?? value);
    return { label, text: written, secret: encoded };
  });
}
