import type { LanguageModelV3 } from '@ai-sdk/provider';
import { isRecord } from '../provider/response-values.ts';

/** Where a model of a provider package is to be found, and what the package is told. */
export interface SdkModelAddress {
  /** Name of the npm package. */
  packageName: string;
  /** The function that makes the provider; null lets it be found. */
  factory: string | null;
  /** The provider's name for the model. */
  model: string;
  settings: { apiKey?: string; baseURL?: string; headers?: Record<string, string> };
}

export type Loaded =
  | { ok: true; model: LanguageModelV3 }
  | { ok: false; field: 'provider' | 'factory'; problem: string };

type ImportPackage = (name: string) => Promise<unknown>;

/** The packages that are part of the install; written out, so that nothing else is needed to find them. */
const builtIn: Readonly<Record<string, () => Promise<unknown>>> = {
  '@ai-sdk/anthropic': () => import('@ai-sdk/anthropic'),
  '@ai-sdk/openai': () => import('@ai-sdk/openai'),
};

const importPackage: ImportPackage = (name) => builtIn[name]?.() ?? import(name);

/**
 * Loads a provider package and makes the model.
 *
 * A package is taken by the convention of the AI SDK: it exports a function `create…` that takes
 * `{ apiKey, baseURL, headers }` and returns a provider, and the provider makes a model with `languageModel(name)`, or,
 * where it has none, by being called with the name. Where there are several such functions, it is the one that is called
 * as the package is (`@ai-sdk/amazon-bedrock`: `createAmazonBedrock`), upper and lower case aside; where that is none,
 * the configuration has to say it with `factory`. The model must be of version `v3` of the specification.
 */
export async function loadSdkModel(address: SdkModelAddress, load: ImportPackage = importPackage): Promise<Loaded> {
  const { packageName } = address;
  let contents: unknown;
  try {
    contents = await load(packageName);
  } catch (error) {
    return refused('provider', isMissing(error, packageName) ? missing(packageName) : unloadable(packageName, error));
  }
  const factory = findFactory(contents, address);
  if (typeof factory === 'string') return refused('factory', factory);
  try {
    return checkModel(makeModel(factory(address.settings), address.model), packageName);
  } catch (error) {
    return refused('provider', unloadable(packageName, error));
  }
}

type Factory = (settings: SdkModelAddress['settings']) => unknown;

/** Returns the problem where there is none. */
function findFactory(contents: unknown, { packageName, factory }: SdkModelAddress): Factory | string {
  const exported = typeof contents === 'object' && contents !== null ? Object.entries(contents) : [];
  const functions = new Map(exported.filter((entry): entry is [string, Factory] => typeof entry[1] === 'function'));
  const names = [...functions.keys()].filter((name) => /^create[A-Z]/.test(name));
  const known = names.length > 0 ? ` It has: ${names.join(', ')}.` : '';
  if (factory !== null) return functions.get(factory) ?? `${packageName} exports no function "${factory}".${known}`;
  const called = simple(`create${packageName.slice(packageName.lastIndexOf('/') + 1)}`);
  const chosen = names.length === 1 ? names[0] : names.find((name) => simple(name) === called);
  const found = chosen === undefined ? undefined : functions.get(chosen);
  if (found) return found;
  return names.length === 0
    ? `${packageName} exports no function create…, so it is no provider package of the AI SDK.`
    : `${packageName} exports several functions that could make a provider: say with "factory" which one.${known}`;
}

const simple = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '');

function makeModel(provider: unknown, name: string): unknown {
  const isThere = (typeof provider === 'object' && provider !== null) || typeof provider === 'function';
  if (isThere && 'languageModel' in provider && typeof provider.languageModel === 'function') {
    return provider.languageModel(name);
  }
  if (typeof provider === 'function') return provider(name);
  throw new Error('it makes no language models');
}

function checkModel(model: unknown, packageName: string): Loaded {
  if (isRecord(model) && model.specificationVersion === 'v3' && typeof model.doStream === 'function') {
    return { ok: true, model: model as unknown as LanguageModelV3 };
  }
  const version = isRecord(model) ? String(model.specificationVersion) : 'none';
  return refused(
    'provider',
    `${packageName} speaks version ${version} of the AI SDK's specification, and this release needs v3: install another version of it.`,
  );
}

/** Missing itself, as against something that it imports. */
function isMissing(error: unknown, packageName: string): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    error.code === 'ERR_MODULE_NOT_FOUND' &&
    error.message.includes(`'${packageName}'`)
  );
}

function missing(packageName: string): string {
  return `"${packageName}" is neither a provider that is built in (scripted, openai-compatible, anthropic, openai) nor an installed package. If it is a package, run in the folder of Runtape: npm install ${packageName}`;
}

function unloadable(packageName: string, error: unknown): string {
  return `${packageName} could not be loaded: ${error instanceof Error ? error.message : String(error)}`;
}

function refused(field: 'provider' | 'factory', problem: string): Loaded {
  return { ok: false, field, problem };
}
