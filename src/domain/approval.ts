/** A remembered approval of one tool in one session. */
export interface Grant {
  tool: string;
  /** The only target that it covers; null for every target of the tool. */
  target: string | null;
  /** SHA-256 of the tool's definition that the approver was shown; null if unknown, which no tool has. */
  definitionHash: string | null;
  /** Epoch milliseconds; null for the rest of the session. */
  expiresAt: number | null;
}

/** A call as grants are compared with it. */
export interface GrantedCall {
  tool: string;
  definitionHash: string;
  /** What a grant can be bound to; null if the tool has no target. */
  target: string | null;
}

/** Returns the grant that lets the call run without another approval, or null. */
export function coveringGrant<G extends Grant>(grants: readonly G[], call: GrantedCall, now: number): G | null {
  const covers = ({ tool, target, definitionHash, expiresAt }: Grant) =>
    tool === call.tool &&
    definitionHash === call.definitionHash &&
    (target === null || target === call.target) &&
    (expiresAt === null || expiresAt > now);
  return grants.find(covers) ?? null;
}
