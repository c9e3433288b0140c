import type { Configuration, ConfigurationOutcome } from '../../config/configuration.ts';
import { StartError } from '../../config/start-error.ts';
import { openPolicy } from '../../policy/policy-file.ts';
import { openFolder } from '../../tools/files/folder.ts';
import { createAuthentication } from '../access/authentication/create-authentication.ts';
import { ownFiles } from '../own-files.ts';
import { readDocumentList } from '../transport/documents.ts';
import { checkDatabase } from './database-checks.ts';
import { type Finding, findingOf, fine, problem } from './finding.ts';
import { checkDisk, checkNode, checkPort } from './machine-checks.ts';
import {
  checkAttachments,
  checkEmbeddings,
  checkIdentityProvider,
  checkMcpServers,
  checkModels,
  type Surroundings,
} from './service-checks.ts';

export interface Machine extends Surroundings {
  nodeVersion: string;
  /** Bytes that may still be written to the disk of a folder. */
  freeBytes(folder: string): Promise<number>;
}

/**
 * Checks everything that a server needs, at the same time, and returns what was found in a fixed order. Starts MCP servers, calls
 * models and reads from other services; changes nothing. Texts can contain what other programs answered: see `redactSecrets`.
 */
export async function diagnose(outcome: ConfigurationOutcome, machine: Machine): Promise<Finding[]> {
  const node = checkNode(machine.nodeVersion);
  if (!outcome.ok) return [node, ...outcome.problems.map((text) => problem('configuration', text))];
  const { configuration } = outcome;
  const found = await Promise.all([
    [node, fine('configuration', `${configuration.configurationPath} and the environment are valid`)],
    checkDatabase(configuration, machine.clock),
    checkDisk(configuration, machine.freeBytes),
    checkPort(configuration, machine.clock),
    checkFiles(configuration, machine),
    checkIdentityProvider(configuration, machine.clock),
    checkAttachments(configuration, machine),
    checkModels(configuration, machine),
    checkEmbeddings(configuration, machine),
    checkMcpServers(configuration, machine),
  ]);
  return found.flat();
}

/** The files and folders that the configuration names, and its keys. */
async function checkFiles(configuration: Configuration, { clock, logger }: Machine): Promise<Finding[]> {
  const { file } = configuration;
  const checks: [subject: string, isUsed: boolean, check: () => Promise<string>][] = [
    [
      'policy',
      true,
      async () => {
        const opened = openPolicy(file.policyFile ?? null);
        if (!opened.ok) throw new StartError(opened.problems.join('\n'));
        return file.policyFile === undefined ? 'The built-in policy' : `${file.policyFile} is valid`;
      },
    ],
    [
      'files',
      file.files !== undefined,
      async () => `The folder is ${(await openFolder(file.files?.root ?? '', ownFiles(configuration))).root}`,
    ],
    [
      'documents',
      file.documents !== undefined,
      async () => `${readDocumentList(file.documents ?? '').size} documents are allowed`,
    ],
    [
      'authentication',
      true,
      async () => {
        await createAuthentication(file, clock.now, logger);
        return `The mode is ${file.auth.mode}`;
      },
    ],
  ];
  const used = checks.filter(([, isUsed]) => isUsed);
  return (await Promise.all(used.map(([subject, , check]) => findingOf(subject, '', check)))).flat();
}
