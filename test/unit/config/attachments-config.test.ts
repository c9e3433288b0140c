import { expect, test } from 'vitest';
import { readConfiguration } from '../../../src/config/configuration.ts';

function problemsOf(attachments: object, environment: Record<string, string> = {}) {
  const outcome = readConfiguration(environment, () => JSON.stringify({ attachments }));
  return outcome.ok ? [] : outcome.problems;
}

test('a bucket needs the variables of its keys, by their usual names or those in the file', () => {
  const advice = 'is not set. Set it, or name another variable';
  expect(problemsOf({ s3: { bucket: 'b', accessKeyIdEnv: 'KEY' } })).toEqual([
    `./runtape.config.json: attachments.s3.accessKeyIdEnv: the environment variable KEY ${advice}`,
    `./runtape.config.json: attachments.s3.secretAccessKeyEnv: the environment variable AWS_SECRET_ACCESS_KEY ${advice}`,
  ]);
  expect(problemsOf({ s3: { bucket: 'b' } }, { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: '' })).toEqual([
    expect.stringContaining('AWS_SECRET_ACCESS_KEY'),
  ]);
  expect(problemsOf({ s3: { bucket: 'b' } }, { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' })).toEqual([]);
  expect(problemsOf({})).toEqual([]);
});

test.each([['runtape'], ['/'], ['a b/']])('the prefix %j of a bucket is refused', (prefix) => {
  expect(problemsOf({ s3: { bucket: 'b', prefix } }, { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' })).toEqual([
    `./runtape.config.json: attachments.s3.prefix: must be empty, or folders that each end with a slash, such as "runtape/", not "${prefix}"`,
  ]);
});
