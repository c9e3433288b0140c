import { describe, expect, test } from 'vitest';
import { type FileConfiguration, fileSchema } from '../../../src/config/configuration.ts';
import { configurationChange } from '../../../src/config/configuration-change.ts';

const file = (contents: object): FileConfiguration => fileSchema.parse(contents);
const tokens = (...names: string[]) => ({
  mode: 'tokens',
  tokens: names.map((principal) => ({ sha256: principal.repeat(64), principal, scopes: ['read'] })),
});

/** The change from one file to another. */
const change = (before: object, after: object) => configurationChange(file(before), file(after));

describe('B103: the difference of two configurations', () => {
  test('of equal files is empty, also if one spells out the defaults', () => {
    const { effective, reloaded, needRestart } = change({}, { limits: { maxSteps: 32 }, cors: { origins: [] } });
    expect([reloaded, needRestart]).toEqual([[], []]);
    expect(effective).toEqual(file({}));
  });

  test.each([
    ['limits', { limits: { maxSteps: 5, queueLength: 2 } }, ['limits.maxSteps', 'limits.queueLength']],
    [
      'models',
      { models: { local: { provider: 'scripted' } }, defaultModel: 'local' },
      ['defaultModel', 'models.local'],
    ],
    ['MCP servers', { mcpServers: { files: { command: 'files' } } }, ['mcpServers.files']],
    ['budgets', { budgets: [{ appliesTo: 'run', tokens: 1 }] }, ['budgets']],
    ['the policy', { policyFile: 'other.cedar' }, ['policyFile']],
    ['approvals', { approvals: { separateApprover: true } }, ['approvals.separateApprover']],
    ['activity', { activity: { retentionDays: 1 } }, ['activity.retentionDays']],
    ['agents', { agents: [{ name: 'clerk', instructions: '' }] }, ['agents']],
    ['limits of attachments', { attachments: { maxBytes: 1 } }, ['attachments.maxBytes']],
  ])('takes effect at a reload: %s', (_what, contents, paths) => {
    const { effective, reloaded, needRestart } = change({}, contents);
    expect(reloaded.sort()).toEqual(paths);
    expect(needRestart).toEqual([]);
    expect(effective).toEqual(file(contents));
    expect(change(contents, {}).reloaded.sort()).toEqual(paths);
  });

  test.each([
    ['embeddings', { embeddings: { provider: 'openai-compatible', baseURL: 'http://x.test', model: 'm' } }],
    ['askPerson', { askPerson: true }],
    ['files', { files: { root: '.' } }],
    ['cors.origins', { cors: { origins: ['https://app.example.com'] } }],
    ['documents', { documents: 'list.json' }],
    ['console', { console: false }],
    ['traffic.bodyBytes', { traffic: { bodyBytes: 20_000 } }],
    ['attachments.folder', { attachments: { folder: 'elsewhere' } }],
    ['attachments.s3', { attachments: { s3: { bucket: 'b' } } }],
  ])('needs a restart: %s', (path, contents) => {
    const { effective, reloaded, needRestart } = change({}, contents);
    expect(needRestart).toEqual([path]);
    expect(reloaded).toEqual([]);
    expect(effective).toEqual(file({}));
  });

  test('tokens take effect, and another mode of authentication does not', () => {
    const two = { auth: tokens('a', 'b') };
    const { effective, reloaded, needRestart } = change({ auth: tokens('a') }, two);
    expect([reloaded, needRestart, effective.auth]).toEqual([['auth.tokens'], [], file(two).auth]);
    const other = change({}, two);
    expect([other.reloaded, other.needRestart, other.effective.auth]).toEqual([
      [],
      ['auth.mode', 'auth.tokens'],
      { mode: 'none' },
    ]);
  });

  test('with both kinds keeps one and takes the other', () => {
    const { effective, reloaded, needRestart } = change(
      { attachments: { folder: 'here' } },
      { console: false, limits: { maxSteps: 5 }, attachments: { perMessage: 2 } },
    );
    expect(reloaded.sort()).toEqual(['attachments.perMessage', 'limits.maxSteps']);
    expect(needRestart.sort()).toEqual(['attachments.folder', 'console']);
    expect(effective).toEqual(file({ limits: { maxSteps: 5 }, attachments: { folder: 'here', perMessage: 2 } }));
  });

  test('finds names that objects inherit', () => {
    const server = { mcpServers: JSON.parse('{"toString": {"command": "x"}, "constructor": {"command": "y"}}') };
    expect(change({}, server).reloaded.sort()).toEqual(['mcpServers.constructor', 'mcpServers.toString']);
  });
});
