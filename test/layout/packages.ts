import { z } from 'zod';

const names = z.record(z.string(), z.unknown()).optional();
const lockFile = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      resolved: z.unknown().optional(),
      link: z.boolean().optional(),
      optionalDependencies: names,
    }),
  ),
});
type Packages = z.infer<typeof lockFile>['packages'];

type Overrides = { [name: string]: string | Overrides };
const overrides: z.ZodType<Overrides> = z.lazy(() => z.record(z.string(), z.union([z.string(), overrides])));
const versions = z.record(z.string(), z.string()).optional();
const manifest = z.object({
  dependencies: versions,
  devDependencies: versions,
  optionalDependencies: versions,
  overrides: overrides.optional(),
});

/** The folders in which Node looks for a package that `path` imports, nearest first. */
function candidates(path: string, name: string): string[] {
  const owners = path
    .split('/node_modules/')
    .map((_, index, parts) => parts.slice(0, index + 1).join('/node_modules/'));
  const nested = owners.reverse().map((owner) => `${owner}/node_modules/${name}`);
  return path === '' ? [`node_modules/${name}`] : [...nested, `node_modules/${name}`];
}

function missingOf(packages: Packages, path: string): string[] {
  const optional = Object.keys(packages[path]?.optionalDependencies ?? {});
  return optional.filter((name) => !candidates(path, name).some((candidate) => candidate in packages));
}

/**
 * Optional dependencies that the lock file lacks, and download addresses in it. npm silently drops an optional package that
 * the registry does not have when the lock file is written; `npm ci` then fails on the platform that needs it.
 */
export function lockProblems(lockText: string): string[] {
  const { packages } = lockFile.parse(JSON.parse(lockText));
  return Object.entries(packages).flatMap(([path, entry]) => {
    const problems = missingOf(packages, path).map((name) => `${path}@${entry.version} lacks ${name}`);
    // A workspace is a link to its folder.
    return entry.resolved === undefined || entry.link ? problems : [...problems, `${path} has a download address`];
  });
}

const exactVersion = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;

function inexact(entries: Overrides | undefined, section: string): string[] {
  return Object.entries(entries ?? {}).flatMap(([name, version]) => {
    if (typeof version === 'object') return inexact(version, `${section} ${name}`);
    return exactVersion.test(version) ? [] : [`${section} ${name}: ${version} is not an exact version`];
  });
}

export function versionProblems(manifestText: string): string[] {
  return Object.entries(manifest.parse(JSON.parse(manifestText))).flatMap(([section, entries]) =>
    inexact(entries, section),
  );
}
