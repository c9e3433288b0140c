import { CLIENT_SOURCE } from '../../config/tools-config.ts';
import { summarise } from '../../domain/call-summary.ts';
import type { Json, RiskLevel } from '../../domain/events.ts';
import type { Metadata } from '../../domain/metadata.ts';
import { notFound, type RefusalOf } from '../../domain/refusal.ts';
import { canonicalJson } from '../../journal/canonical-json.ts';
import { agentInForce } from '../../repositories/agents.ts';
import { type SessionGrant, sessionGrants } from '../../repositories/grants.ts';
import { sessionById } from '../../repositories/sessions.ts';
import { selectTools } from '../../tools/toolbox.ts';
import type { CommandContext, Viewer } from '../command-context.ts';
import { type CallDecision, evaluateCall, inputProblem } from './evaluate-call.ts';
import { toolCaller } from './tool-caller.ts';
import { toolOfRun } from './tools-of-run.ts';

/** What would happen to a tool call. */
export interface PolicyExplanation extends CallDecision<SessionGrant> {
  kind: 'explained';
  risk: RiskLevel;
  summary: string;
  /** Why the tool does not take the input; null when it does. Policy is not evaluated for an input that the tool rejects. */
  inputProblem: string | null;
}

interface ExplainPolicyInput {
  tool: string;
  input: Json;
  sessionId: string;
  /** Of the message. */
  metadata: Metadata;
}

/** Explains what would happen to a tool call of the session's agent if the viewer sent the message. Executes nothing. */
export async function explainPolicy(
  context: CommandContext,
  { principal, scopes }: Viewer,
  { tool: name, input: rawInput, sessionId, metadata }: ExplainPolicyInput,
): Promise<PolicyExplanation | RefusalOf<'not-found'>> {
  const { database } = context;
  const session = await sessionById(database, principal, sessionId);
  if (!session) return notFound('session', sessionId);
  const agent = await agentInForce(database, principal, session.agentId);
  const tool = toolOfRun(context, { owner: principal, run: { clientTools: [] }, agent }, name);
  if (!tool) return notFound('tool', name);
  const input = canonicalJson(rawInput).value;
  const problem = await inputProblem(tool, input, principal);
  const target = problem === null ? (tool.target?.(input)?.text ?? null) : null;
  const summary = summarise(tool, input, target);
  const call = { kind: 'explained', risk: tool.risk, summary, inputProblem: problem } as const;
  const denied = (reason: string) => ({ ...call, effect: 'DENY', reason, rules: [], grant: null }) as const;
  if (agent && tool.source !== CLIENT_SOURCE && selectTools([tool], agent.tools).length === 0) {
    return denied(`The agent ${agent.name} does not have this tool.`);
  }
  if (problem !== null) return denied(problem);
  await context.acceptedDefinitions.compare([tool]);
  const now = context.now();
  const grants = await sessionGrants(database.reader, session, now, context.settings.separateApprover);
  return {
    ...call,
    ...evaluateCall(context, toolCaller(session, agent, { scopes, metadata }), { tool, input }, { grants, now }),
  };
}
