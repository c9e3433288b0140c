import type { TestClient } from '../../client.ts';
import {
  BranchSessionDocument,
  type BranchSessionInput,
  CompactionsDocument,
  CompactSessionDocument,
  CreateAgentDocument,
  type CreateAgentInput,
  RunContextAtDocument,
  UpdateAgentDocument,
  type UpdateAgentInput,
} from '../../generated/graphql.ts';

/** Creates a branch, which must succeed. Returns the id of the new session. */
export async function branch(client: TestClient, input: BranchSessionInput): Promise<string> {
  const { branchSession } = await client.send(BranchSessionDocument, { input });
  if (branchSession.__typename !== 'BranchSessionSuccess')
    throw new Error(`${branchSession.__typename}: ${branchSession.message}`);
  return branchSession.session.id;
}

/** Compacts a session that has no open run. */
export async function compact(client: TestClient, sessionId: string, dryRun = false) {
  const { compactSession } = await client.send(CompactSessionDocument, { input: { sessionId, dryRun } });
  if (compactSession.__typename !== 'CompactSessionSuccess')
    throw new Error(`${compactSession.__typename}: ${compactSession.message}`);
  return compactSession;
}

/** The compactions of a session, newest first. */
export async function compactions(client: TestClient, id: string) {
  const { session } = await client.send(CompactionsDocument, { id });
  return session?.compactions.nodes ?? [];
}

/** A run with the context of one of its steps. */
export async function contextOf(client: TestClient, id: string, step = 1) {
  const { run } = await client.send(RunContextAtDocument, { id, step });
  if (!run?.contextAt) throw new Error(`Run ${id} has no step ${step}.`);
  return { ...run, contextAt: run.contextAt };
}

export async function createAgent(client: TestClient, input: CreateAgentInput) {
  const { createAgent: outcome } = await client.send(CreateAgentDocument, { input });
  if (outcome.__typename !== 'CreateAgentSuccess') throw new Error(`${outcome.__typename}: ${outcome.message}`);
  return outcome.agent;
}

export async function updateAgent(client: TestClient, input: UpdateAgentInput) {
  const { updateAgent: outcome } = await client.send(UpdateAgentDocument, { input });
  if (outcome.__typename !== 'UpdateAgentSuccess') throw new Error(`${outcome.__typename}: ${outcome.message}`);
  return outcome.agent;
}
