import { summarise } from '../../domain/approval.ts';
import type { Json, RiskLevel } from '../../domain/events.ts';
import { notFound, type RefusalOf } from '../../domain/refusal.ts';
import { canonicalJson } from '../../journal/canonical-json.ts';
import { agentInForce } from '../../repositories/agents.ts';
import { type SessionGrant, sessionGrants } from '../../repositories/grants.ts';
import { sessionById } from '../../repositories/sessions.ts';
import { selectTools } from '../../tools/tool-selection.ts';
import type { CommandContext, Viewer } from '../command-context.ts';
import { callerOf } from './caller.ts';
import { type CallDecision, evaluateCall } from './evaluate-call.ts';
import { inputProblem } from './input-problem.ts';

/** What would become of a call. */
export interface PolicyExplanation extends CallDecision<SessionGrant> {
  kind: 'explained';
  risk: RiskLevel;
  summary: string;
  /** Why the input can not be used, or null. Policy is then not asked, and the call does not run. */
  inputProblem: string | null;
}

interface Asked {
  tool: string;
  input: Json;
  sessionId: string;
}

/** Says what would happen to a call by the session's agent, sent by the viewer, and why. Does nothing of it. */
export async function explainPolicy(
  context: CommandContext,
  { principal, scopes }: Viewer,
  { tool: name, input: given, sessionId }: Asked,
): Promise<PolicyExplanation | RefusalOf<'not-found'>> {
  const { database } = context;
  const session = await sessionById(database, principal, sessionId);
  if (!session) return notFound('session', sessionId);
  const tool = context.toolbox.find(name);
  if (!tool) return notFound('tool', name);
  const input = canonicalJson(given).value;
  const agent = await agentInForce(database, principal, session.agentId);
  const caller = callerOf(session, agent, scopes);
  const now = context.now();
  const problem = inputProblem(tool, input);
  const about = { kind: 'explained', risk: tool.risk, summary: summarise(tool, input), inputProblem: problem } as const;
  const denied = (reason: string) => ({ ...about, effect: 'DENY', reason, rules: [], grant: null }) as const;
  if (agent && selectTools([tool], agent.tools).length === 0)
    return denied(`The agent ${agent.name} does not have this tool.`);
  if (problem !== null) return denied(problem);
  const remembered = {
    grants: await sessionGrants(database.reader, session, now, context.settings.separateApprover),
    now,
  };
  return { ...about, ...evaluateCall(context.policy, caller, { tool, input }, remembered) };
}
