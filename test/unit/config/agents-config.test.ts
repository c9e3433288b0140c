import { expect, test } from 'vitest';
import { readConfiguration } from '../../../src/config/configuration.ts';

const auth = { mode: 'tokens', tokens: [{ sha256: 'a'.repeat(64), principal: 'ada', scopes: ['read'] }] };
const clerk = { owner: 'ada', name: 'clerk', instructions: 'Answer.' };

function read(file: object) {
  const outcome = readConfiguration({}, () => JSON.stringify(file));
  if (outcome.ok) return outcome.configuration.file.agents;
  return outcome.problems.map((problem) => problem.replace('./runtape.config.json: agents.', ''));
}

test('problems of agents in the file are reported with their paths', () => {
  const agents = [
    clerk,
    { ...clerk, default: true },
    { ...clerk, name: 'third', default: true, model: 'none' },
    { name: 'fourth', instructions: '' },
    { ...clerk, owner: ' ada' },
    { ...clerk, name: 'sixth', limits: { maxStep: 1 } },
    { ...clerk, name: 'seventh', limits: { maxSteps: 0 } },
  ];
  const problems = read({ auth, agents });
  expect(problems.toSorted()).toEqual([
    '1.name: the owner has another agent named "clerk" in this file. Use another name',
    '2.default: another agent of the same owner is the default. Remove one of them',
    '2.model: there is no model "none". Configured models: scripted',
    '3.owner: is missing. It must be the principal who owns the agent',
    expect.stringMatching(/^4\.owner: " ada" must have 1 to 200 characters/),
    expect.stringMatching(/^5\.limits: unknown key "maxStep"/),
    '6.limits.maxSteps: must be greater than 0, not 0',
  ]);
});

test('different owners may have agents of one name, and a default agent each', () => {
  const agents = [
    { ...clerk, default: true },
    { ...clerk, owner: 'eve', default: true },
    { ...clerk, name: 'other', model: 'local' },
  ];
  expect(read({ auth, agents, models: { local: { provider: 'scripted' } } })).toEqual([
    { owner: 'ada', name: 'clerk', instructions: 'Answer.', isDefault: true },
    { owner: 'eve', name: 'clerk', instructions: 'Answer.', isDefault: true },
    { owner: 'ada', name: 'other', instructions: 'Answer.', model: 'local', isDefault: false },
  ]);
});

test('without authentication the only principal owns an agent that names no owner', () => {
  expect(read({ agents: [{ name: 'clerk', instructions: '' }] })).toMatchObject([{ owner: 'local' }]);
  expect(
    read({
      agents: [
        { name: 'clerk', instructions: '' },
        { ...clerk, owner: 'local' },
      ],
    }),
  ).toEqual([expect.stringContaining('1.name: the owner has another agent named "clerk"')]);
});

test('a file whose models are wrong reports no agents for their models', () => {
  expect(read({ models: [], agents: [{ ...clerk, owner: undefined, model: 'local' }] })).toEqual([
    './runtape.config.json: models: must be an object, not an array',
  ]);
});
