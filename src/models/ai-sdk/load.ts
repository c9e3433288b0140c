import type { LanguageModelV3 } from '@ai-sdk/provider';
import { isRecord } from '../provider/response-values.ts';

/** Where to find a model of a provider package, and what the package needs. */
export interface SdkModelAddress {
  /** Name of the npm package. */
  packageName: string;
  /** The exported function that creates the provider; null to find it by convention. */
  factory: string | null;
  /** The provider's name for the model. */
  model: string;
  settings: { apiKey?: string; baseURL?: string; headers?: Record<string, string> };
}

/** The model, or the field of the configuration that is wrong and why. */
export type LoadedModel =
  | { ok: true; model: LanguageModelV3 }
  | { ok: false; field: 'provider' | 'factory'; problem: string };

type ImportPackage = (name: string) => Promise<unknown>;

/** The packages that Runtape depends on. Their names are literals, so that the bundler can find them. */
const bundled: Readonly<Record<string, () => Promise<unknown>>> = {
  '@ai-sdk/anthropic': () => import('@ai-sdk/anthropic'),
  '@ai-sdk/openai': () => import('@ai-sdk/openai'),
};

const importPackage: ImportPackage = (name) => bundled[name]?.() ?? import(name);

/**
 * Imports a provider package and creates the model.
 *
 * The package must follow the convention of the AI SDK: it exports a function `create…`, which takes
 * `{ apiKey, baseURL, headers }` and returns a provider. The provider has a function `languageModel(name)`, or is such a
 * function itself. If the package exports several functions `create…`, the one named after the package is used, ignoring
 * case (`@ai-sdk/amazon-bedrock`: `createAmazonBedrock`). If there is none, the configuration must name it with `factory`.
 * The model must implement version `v3` of the specification.
 */
export async function loadSdkModel(
  address: SdkModelAddress,
  importer: ImportPackage = importPackage,
): Promise<LoadedModel> {
  const { packageName } = address;
  let exported: unknown;
  try {
    exported = await importer(packageName);
  } catch (error) {
    return failed('provider', isMissing(error, packageName) ? missing(packageName) : unloadable(packageName, error));
  }
  const factory = findFactory(exported, address);
  if (typeof factory === 'string') return failed('factory', factory);
  try {
    return checkModel(createModel(factory(address.settings), address.model), packageName);
  } catch (error) {
    return failed('provider', unloadable(packageName, error));
  }
}

type Factory = (settings: SdkModelAddress['settings']) => unknown;

/** Returns the function, or a description of the problem. */
function findFactory(exported: unknown, { packageName, factory: configured }: SdkModelAddress): Factory | string {
  const entries = typeof exported === 'object' && exported !== null ? Object.entries(exported) : [];
  const functions = new Map(entries.filter((entry): entry is [string, Factory] => typeof entry[1] === 'function'));
  const names = [...functions.keys()].filter((name) => /^create[A-Z]/.test(name));
  const list = names.length > 0 ? ` It exports: ${names.join(', ')}.` : '';
  if (configured !== null) {
    return functions.get(configured) ?? `${packageName} does not export a function "${configured}".${list}`;
  }
  const expected = normalise(`create${packageName.slice(packageName.lastIndexOf('/') + 1)}`);
  const name = names.length === 1 ? names[0] : names.find((each) => normalise(each) === expected);
  const factory = name === undefined ? undefined : functions.get(name);
  if (factory) return factory;
  return names.length === 0
    ? `${packageName} exports no function create…, so it is not a provider package of the AI SDK.`
    : `${packageName} exports several functions create…: name the right one with "factory".${list}`;
}

const normalise = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '');

function createModel(provider: unknown, name: string): unknown {
  const hasMembers = (typeof provider === 'object' && provider !== null) || typeof provider === 'function';
  if (hasMembers && 'languageModel' in provider && typeof provider.languageModel === 'function') {
    return provider.languageModel(name);
  }
  if (typeof provider === 'function') return provider(name);
  throw new Error('its provider has no language models');
}

function checkModel(model: unknown, packageName: string): LoadedModel {
  if (isRecord(model) && model.specificationVersion === 'v3' && typeof model.doStream === 'function') {
    return { ok: true, model: model as unknown as LanguageModelV3 };
  }
  const version = isRecord(model) ? String(model.specificationVersion) : 'none';
  return failed(
    'provider',
    `${packageName} implements version ${version} of the AI SDK's specification, but this release needs v3: install another version of the package.`,
  );
}

/** Whether the package itself is not installed, rather than something that it imports. */
function isMissing(error: unknown, packageName: string): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    error.code === 'ERR_MODULE_NOT_FOUND' &&
    error.message.includes(`'${packageName}'`)
  );
}

function missing(packageName: string): string {
  return `"${packageName}" is neither a built-in provider (scripted, openai-compatible, anthropic, openai) nor an installed package. If it is a package, run in the folder of Runtape: npm install ${packageName}`;
}

function unloadable(packageName: string, error: unknown): string {
  return `${packageName} could not be loaded: ${error instanceof Error ? error.message : String(error)}`;
}

function failed(field: 'provider' | 'factory', problem: string): LoadedModel {
  return { ok: false, field, problem };
}
