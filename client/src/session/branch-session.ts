// Loaded when a session is branched, because most pages never do that.
import type { Requests } from '../connection/requests.ts';
import { BranchSessionDocument, type BranchSessionInput } from '../generated/documents.ts';
import { mutate } from '../refusals.ts';

/** Returns the id of the branch. */
export async function branchSession(requests: Requests, input: BranchSessionInput): Promise<string> {
  const { session } = await mutate(requests, BranchSessionDocument, { ...input, idempotencyKey: crypto.randomUUID() });
  return session.id;
}
