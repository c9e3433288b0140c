import * as limits from '../../config/limits.ts';
import type { Grant } from '../../domain/approval.ts';
import { describeCall, shorten, summarise } from '../../domain/call-summary.ts';
import type { Json, NewEvent } from '../../domain/events.ts';
import { unexecutedResult } from '../../domain/failed-result.ts';
import type { ToolCall } from '../../domain/step.ts';
import type { NewId } from '../../ids.ts';
import { canonicalJson } from '../../journal/canonical-json.ts';
import type { PolicyDecision } from '../../policy/policy.ts';
import type { SecretStore } from '../../tools/secret-store.ts';
import type { Tool } from '../../tools/tool.ts';
import { type CallRules, evaluateCall } from './evaluate-call.ts';
import type { ToolCaller } from './tool-caller.ts';
import { definitionOf, type ToolDefinition } from './tool-definition.ts';

/** What a review works with. */
export interface ReviewContext extends CallRules {
  secretStore: Pick<SecretStore, 'foreignPlaceholders'>;
  newId: NewId;
  /** Epoch milliseconds. */
  now(): number;
  settings: { approvalExpirySeconds: number };
}

/** What happens to a call now, and the events that say so. */
export type CallReview =
  /** The call has its result: its input is wrong, or policy denies it. */
  | { kind: 'settled'; events: NewEvent[]; decision: PolicyDecision | null }
  /** A person has to decide. */
  | { kind: 'asked'; events: NewEvent[] }
  | { kind: 'allowed'; events: NewEvent[] };

export interface ReviewedCall {
  call: ToolCall;
  tool: Tool;
  caller: ToolCaller;
  /** The definition that an approver of this call was shown last; null if none was. */
  shownDefinition: Json;
}

/**
 * Checks the input of a call, and evaluates grants and policy for it. A call that a person or policy allowed before is checked
 * again, because input schema, policy, grants and the tool may have changed since. What a person allowed is not asked again, unless
 * the definition of the tool is not the one that the person was shown.
 *
 * @param grants in force in the session
 */
export async function reviewCall(
  context: ReviewContext,
  reviewed: ReviewedCall,
  grants: readonly Grant[],
): Promise<CallReview> {
  const { call, tool, caller } = reviewed;
  const prepared = await tool.prepare(call.input, caller.principal.id);
  if (!prepared.ok) return { kind: 'settled', events: [unexecutedResult(call, prepared.error)], decision: null };
  const evaluated = evaluateCall(context, caller, { tool, input: call.input }, { grants, now: context.now() });
  const decision = withReusedSecrets(context, reviewed, evaluated);
  if (decision.effect === 'DENY') {
    const events = [decisionEvent(call, tool, decision), unexecutedResult(call, `Not permitted: ${decision.reason}`)];
    return { kind: 'settled', events, decision };
  }
  const isChanged = isDefinitionChanged(call, tool);
  const wasAsked = call.isApproved || call.phase.at === 'waiting';
  if (wasAsked && isChanged) return ask(context, reviewed, askingAgain(decision, tool));
  if (call.isApproved) return { kind: 'allowed', events: [] };
  if (decision.effect === 'ASK') return ask(context, reviewed, decision);
  const isRecorded = call.phase.at !== 'requested' && !isChanged;
  return { kind: 'allowed', events: isRecorded ? [] : [decisionEvent(call, tool, decision)] };
}

/** A person decides whether a call may have the credential of another one, whatever policy and grants say. */
function withReusedSecrets(
  { secretStore }: ReviewContext,
  { call: { callId, input }, tool, caller }: ReviewedCall,
  decision: PolicyDecision,
): PolicyDecision {
  if (decision.effect === 'DENY' || tool.keepsPlaceholders) return decision;
  const reused = secretStore.foreignPlaceholders({ sessionId: caller.session.id, callId }, input);
  if (reused.length === 0) return decision;
  const reason = `The input reuses ${reused.join(', ')}, which was given to another call. A person decides whether ${tool.name} may have it.`;
  return { effect: 'ASK', rules: decision.rules, reason };
}

/** Whether the tool is not the one that was decided about or started. A tape of an older release does not say. */
export function isDefinitionChanged({ definitionHash }: ToolCall, tool: Tool): boolean {
  return definitionHash !== null && definitionHash !== definitionOf(tool).hash;
}

function askingAgain({ effect, rules }: PolicyDecision, { name }: Tool): PolicyDecision {
  const reason = `The definition of ${name} changed after an approval was requested.`;
  return { effect: 'ASK', rules: effect === 'ASK' ? rules : [], reason };
}

/** Requests an approval, unless too many were requested for this call already: a tool could change without end. */
function ask(
  context: ReviewContext,
  { call, tool, shownDefinition }: ReviewedCall,
  decision: PolicyDecision,
): CallReview {
  if (call.approvalRequests >= limits.APPROVALS_PER_CALL) {
    const message = `${call.approvalRequests} approvals were requested for this call, and ${call.tool} changed again.`;
    return { kind: 'settled', events: [unexecutedResult(call, message)], decision: null };
  }
  const request = approvalRequest(context, call, { tool, rules: decision.rules, shownDefinition });
  return { kind: 'asked', events: [decisionEvent(call, tool, decision), request] };
}

const isInterrupted = ({ attempts }: ToolCall) => attempts > 0;

function decisionEvent({ callId }: ToolCall, tool: Tool, { effect, reason, rules }: PolicyDecision): NewEvent {
  const { hash: definitionHash } = definitionOf(tool);
  return {
    type: 'tool_decision',
    actor: 'SYSTEM',
    payload: { callId, effect, reason, rule: ruleOf(rules), definitionHash },
  };
}

const ruleOf = (rules: readonly string[]) => (rules.length === 0 ? null : rules.join(', '));

interface RequestedApproval {
  /** Null when the tool is not available now. */
  tool: Tool | null;
  /** Of the policy that asked. */
  rules: readonly string[];
  shownDefinition: Json;
}

/** The request for an approval of a call. */
export function approvalRequest(
  { acceptedDefinitions, newId, now, settings }: ReviewContext,
  call: ToolCall,
  { tool, rules, shownDefinition }: RequestedApproval,
): NewEvent {
  const definition = tool && definitionOf(tool);
  const previous = (tool && acceptedDefinitions.quarantineOf(tool)?.previous) ?? shownDefinition;
  const target = tool && targetOf(tool, call.input);
  return {
    type: 'approval_request',
    actor: 'SYSTEM',
    payload: {
      callId: call.callId,
      approvalId: newId('approval'),
      risk: tool?.risk ?? 'HIGH',
      summary: summaryOf(call, tool, target),
      expiresAt: now() + settings.approvalExpirySeconds * 1000,
      why: isInterrupted(call) ? 'unknown_outcome' : 'policy',
      target,
      rule: ruleOf(rules),
      // A tool that is away may come back with another definition than the one the call was started with.
      definitionHash: definition?.hash ?? call.definitionHash,
      definition: definition?.value ?? null,
      previousDefinition: definition && differenceFrom(definition, previous),
    },
  };
}

function targetOf(tool: Tool, input: Json): string | null {
  const target = tool.target?.(input) ?? null;
  return target && shorten(target.text, limits.APPROVAL_TARGET_CHARACTERS, limits.APPROVAL_TARGET_CHARACTERS / 4);
}

/** The previous definition if it is another one, short enough for both to fit in an event. */
function differenceFrom({ text }: ToolDefinition, previous: Json): Json {
  const { text: previousText } = canonicalJson(previous);
  if (previous === null || previousText === text) return null;
  const bytes = Buffer.byteLength(text) + Buffer.byteLength(previousText);
  if (bytes <= limits.APPROVAL_DEFINITION_BYTES || typeof previous !== 'object') return previous;
  return { ...previous, inputSchema: 'It is too long to be shown beside the new one.' };
}

function summaryOf(call: ToolCall, tool: Tool | null, target: string | null): string {
  const { tool: name, input } = call;
  if (isInterrupted(call)) {
    return `Repeat ${describeCall(name, input, target)}? It was interrupted and may have run already.`;
  }
  return tool ? summarise(tool, input, target) : describeCall(name, input, target);
}
