import { type Clock, systemClock } from '../clock.ts';
import type { Configuration, FileConfiguration } from '../config/configuration.ts';
import { StartError } from '../config/start-error.ts';
import type { Logger } from '../logger.ts';
import type { Catalogue } from '../models/catalogue.ts';
import { createCatalogue } from '../models/create-catalogue.ts';
import type { ClosableCatalogue } from '../models/current-catalogue.ts';
import type { Policy } from '../policy/policy.ts';
import { type OpenedPolicy, openPolicy, reopenPolicy } from '../policy/policy-file.ts';
import { type Folder, openFolder } from '../tools/files/folder.ts';
import { createAuthentication } from './access/authentication/create-authentication.ts';
import type { Authenticate, Authentication } from './access/authentication/identity.ts';
import { ownFiles } from './own-files.ts';

/** What a test puts in the place of configured parts. */
export interface ConfiguredOverrides {
  clock?: Clock;
  catalogue?: Catalogue;
  policy?: Policy;
  authenticate?: Authenticate;
  environment?: Readonly<Record<string, string | undefined>>;
}

/** Makes the parts that follow from the configuration file: at the start, and again at a reload. All throw a StartError. */
export interface ConfiguredParts {
  catalogue(file: FileConfiguration): Promise<ClosableCatalogue>;
  policy(file: FileConfiguration): Policy;
  /** For a reload: resolves with the current policy if its text is the same. */
  nextPolicy(file: FileConfiguration, current: Policy): Promise<Policy>;
  authentication(file: FileConfiguration): Promise<Authentication>;
}

export function configuredParts(overrides: ConfiguredOverrides, logger: Logger): ConfiguredParts {
  const { clock = systemClock, environment = process.env } = overrides;
  return {
    async catalogue(file) {
      if (overrides.catalogue) return overrides.catalogue;
      const outcome = await createCatalogue(file, { clock, random: Math.random, env: environment });
      if (outcome.ok) return outcome.catalogue;
      throw new StartError(outcome.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n'));
    },
    policy(file) {
      if (overrides.policy) return overrides.policy;
      return policyIn(openPolicy(file.policyFile ?? null));
    },
    async nextPolicy(file, current) {
      return overrides.policy ?? policyIn(await reopenPolicy(file.policyFile ?? null, current, clock));
    },
    async authentication(file) {
      const { authenticate } = overrides;
      return authenticate ? { authenticate, accepts: () => true } : createAuthentication(file, clock.now, logger);
    },
  };
}

function policyIn(outcome: OpenedPolicy): Policy {
  if (outcome.ok) return outcome.policy;
  throw new StartError(outcome.problems.join('\n'));
}

/** The folder of the file tools; null without file tools. Throws a StartError if it would hold the files of the gateway. */
export async function openFiles(configuration: Configuration): Promise<Folder | null> {
  const { files } = configuration.file;
  return files ? openFolder(files.root, ownFiles(configuration)) : null;
}
