import { isDeepStrictEqual } from 'node:util';
import type { FileConfiguration } from './configuration.ts';

/** The difference between the configuration in effect and a new one. Paths have at most two keys, such as `auth.tokens`. */
export interface ConfigurationChange {
  /** What is in effect after a reload: the new values, except for keys that need a restart. */
  effective: FileConfiguration;
  /** Changed paths that take effect. */
  reloaded: string[];
  /** Changed paths that need a restart. */
  needRestart: string[];
}

export function configurationChange(running: FileConfiguration, next: FileConfiguration): ConfigurationChange {
  const effective = effectiveConfiguration(running, next);
  return {
    effective,
    reloaded: changedPaths(running, effective),
    needRestart: changedPaths(effective, next),
  };
}

/** Every section is named, so that the compiler asks of a new one when it takes effect. */
type EverySection = { [Section in keyof Required<FileConfiguration>]: FileConfiguration[Section] };

function effectiveConfiguration(running: FileConfiguration, next: FileConfiguration): EverySection {
  return {
    $schema: next.$schema,
    defaultModel: next.defaultModel,
    models: next.models,
    mcpServers: next.mcpServers,
    budgets: next.budgets,
    agents: next.agents,
    policyFile: next.policyFile,
    approvals: next.approvals,
    activity: next.activity,
    audit: next.audit,
    limits: next.limits,
    quotas: next.quotas,
    retention: next.retention,
    // Origins, GraphiQL and traffic depend on the mode.
    auth: next.auth.mode === running.auth.mode ? next.auth : running.auth,
    attachments: { ...next.attachments, folder: running.attachments.folder, s3: running.attachments.s3 },
    storage: running.storage,
    embeddings: running.embeddings,
    askPerson: running.askPerson,
    files: running.files,
    cors: running.cors,
    documents: running.documents,
    console: running.console,
    traffic: running.traffic,
    metrics: running.metrics,
    tracing: running.tracing,
  };
}

function changedPaths(before: object, after: object): string[] {
  return changedKeys(before, after).flatMap((section) => {
    const [old, changed] = [member(before, section), member(after, section)];
    if (!isObject(old) || !isObject(changed)) return [section];
    return changedKeys(old, changed).map((key) => `${section}.${key}`);
  });
}

function changedKeys(before: object, after: object): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].filter((key) => !isDeepStrictEqual(member(before, key), member(after, key)));
}

/** A name of the operator, such as `__proto__`, finds nothing but an own member. */
function member(value: object, key: string): unknown {
  return Object.getOwnPropertyDescriptor(value, key)?.value;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
