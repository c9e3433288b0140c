import { z } from 'zod';
import { isPrincipal, principalRule } from './access-config.ts';
import type { ConfigurationIssue } from './configuration-issue.ts';
import * as limits from './limits.ts';

/** The API counts in 32 bits. */
const count = z.int().positive().max(limits.MAX_COUNT).nullable();
const bytes = z.int().positive().nullable();

const ofPrincipal = z.strictObject({
  maxStoredBytes: bytes.optional(),
  maxSessions: count.optional(),
  maxMemories: count.optional(),
});

const days = z.int().positive().max(limits.MAX_RETENTION_DAYS).nullable();

const periods = { archiveAfterDays: days, purgeAfterDays: days };

/** The part of the configuration file about what is stored, and for how long. */
export const storageConfigSchema = z.object({
  quotas: z
    .strictObject({
      maxStoredBytes: bytes.default(null),
      maxSessions: count.default(null),
      maxMemories: count.default(limits.MEMORIES_PER_OWNER),
      /** What other principals have does not change. Null is unlimited. */
      principals: z
        .record(z.string().refine(isPrincipal, `the name of a principal ${principalRule}`), ofPrincipal)
        .default({}),
    })
    .prefault({}),
  storage: z.strictObject({ minFreeBytes: z.int().nonnegative().default(limits.FREE_BYTES) }).prefault({}),
  retention: z
    .strictObject({
      archiveAfterDays: periods.archiveAfterDays.default(null),
      purgeAfterDays: periods.purgeAfterDays.default(null),
      /** By the names of agents, of all principals. What is absent is that of the gateway; null is never. */
      agents: z
        .record(
          z.string().min(1).max(limits.AGENT_NAME_BYTES),
          z.strictObject({
            archiveAfterDays: periods.archiveAfterDays.optional(),
            purgeAfterDays: periods.purgeAfterDays.optional(),
          }),
        )
        .default({}),
    })
    .prefault({}),
});
type StorageConfig = z.output<typeof storageConfigSchema>;

/** What one principal may store. Null is unlimited. */
export interface QuotaLimits {
  maxStoredBytes: number | null;
  maxSessions: number | null;
  maxMemories: number | null;
}

/** Days without activity. Null is never. */
interface Periods {
  archiveAfterDays: number | null;
  purgeAfterDays: number | null;
}

/** An entry for one principal or agent, or none. What is absent in it keeps the general value. */
type Entry<Values> = { [Name in keyof Values]?: Values[Name] | undefined } | undefined;

/** The quota of a principal. */
export function quotaOf({ principals, ...general }: StorageConfig['quotas'], principal: string): QuotaLimits {
  const own: Entry<QuotaLimits> = Object.hasOwn(principals, principal) ? principals[principal] : undefined;
  return {
    maxStoredBytes: own?.maxStoredBytes === undefined ? general.maxStoredBytes : own.maxStoredBytes,
    maxSessions: own?.maxSessions === undefined ? general.maxSessions : own.maxSessions,
    maxMemories: own?.maxMemories === undefined ? general.maxMemories : own.maxMemories,
  };
}

/** The times for the sessions of an agent; null for sessions without one. */
export function retentionOf({ agents, ...general }: StorageConfig['retention'], agent: string | null): Periods {
  return withEntry(general, agent !== null && Object.hasOwn(agents, agent) ? agents[agent] : undefined);
}

function withEntry(general: Periods, own: Entry<Periods>): Periods {
  return {
    archiveAfterDays: own?.archiveAfterDays === undefined ? general.archiveAfterDays : own.archiveAfterDays,
    purgeAfterDays: own?.purgeAfterDays === undefined ? general.purgeAfterDays : own.purgeAfterDays,
  };
}

/** Whether sessions of any agent are archived or purged by themselves. */
export function isRetentionOn({ agents, ...general }: StorageConfig['retention']): boolean {
  return [general, ...Object.values(agents)].some(
    ({ archiveAfterDays, purgeAfterDays }) => archiveAfterDays != null || purgeAfterDays != null,
  );
}

/** A session that is purged first is never archived. */
export function checkRetention({ retention: { agents, ...general } }: StorageConfig): ConfigurationIssue[] {
  const entries: [(string | number)[], Entry<Periods>][] = [
    [['retention'], undefined],
    ...Object.entries(agents).map(([name, own]): [string[], Entry<Periods>] => [['retention', 'agents', name], own]),
  ];
  return entries.flatMap(([path, own]) => {
    const { archiveAfterDays: archive, purgeAfterDays: purge } = withEntry(general, own);
    if (archive === null || purge === null || archive < purge) return [];
    const message = `is ${purge}, but archiveAfterDays is ${archive}: sessions would be purged before they are archived. Use a longer time, or set archiveAfterDays to null`;
    return [{ path: [...path, 'purgeAfterDays'], message }];
  });
}
