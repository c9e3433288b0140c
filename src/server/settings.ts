import type { CommandSettings } from '../application/command-context.ts';
import type { Configuration, FileConfiguration } from '../config/configuration.ts';
import * as limits from '../config/limits.ts';
import type { Catalogue } from '../models/catalogue.ts';
import type { OrchestratorSettings } from '../orchestrator/dependencies.ts';

/** The configuration file in effect. Only a reload replaces it. */
export interface FileInEffect {
  file: FileConfiguration;
}

/** The settings in effect when a member is read. */
export function commandSettings(inEffect: FileInEffect, catalogue: Catalogue, tracing: boolean): CommandSettings {
  return {
    tracing,
    get models() {
      return catalogue.names;
    },
    get defaultModel() {
      return catalogue.defaultName;
    },
    attachmentKinds: (model) => catalogue.find(model)?.attachments ?? [],
    get attachments() {
      return inEffect.file.attachments;
    },
    get queueLength() {
      return inEffect.file.limits.queueLength;
    },
    get countedItems() {
      return inEffect.file.limits.countedItems;
    },
    get agentVersions() {
      return inEffect.file.limits.agentVersions;
    },
    get configuredAgents() {
      return inEffect.file.agents;
    },
    get onExpiry() {
      return inEffect.file.approvals.onExpiry;
    },
    get separateApprover() {
      return inEffect.file.approvals.separateApprover;
    },
    get approvalExpirySeconds() {
      return inEffect.file.approvals.expiresAfterSeconds;
    },
    get activityRetentionDays() {
      return inEffect.file.activity.retentionDays;
    },
    get auditRetentionDays() {
      return inEffect.file.audit.retentionDays;
    },
  };
}

/** The settings in effect when a member is read. */
export function orchestratorSettings(
  configuration: Configuration,
  inEffect: FileInEffect,
  tracing: boolean,
): OrchestratorSettings {
  const { maxConcurrentRuns, leaseSeconds } = configuration;
  return {
    maxConcurrentRuns,
    leaseSeconds,
    maxResumptions: limits.MAX_RESUMPTIONS,
    tracing,
    get limits() {
      return inEffect.file.limits;
    },
    get answerBytes() {
      return inEffect.file.limits.answerBytes;
    },
    get budgets() {
      return inEffect.file.budgets;
    },
    get approvalExpirySeconds() {
      return inEffect.file.approvals.expiresAfterSeconds;
    },
    get separateApprover() {
      return inEffect.file.approvals.separateApprover;
    },
  };
}

/** The limits of principals, as far as they are counted. */
export function trafficLimits({ auth, traffic }: FileConfiguration): Record<string, number> {
  const { pointsPerMinute = auth.mode === 'none' ? null : limits.POINTS_PER_MINUTE, ...counts } = traffic;
  return pointsPerMinute === null ? counts : { ...counts, pointsPerMinute };
}
