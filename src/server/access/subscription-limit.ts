/** Open subscriptions by principal. */
export interface SubscriptionLimit {
  /** What gives the place back, or null where the principal has as many as it may have. */
  enter(principal: string): (() => void) | null;
}

export function createSubscriptionLimit(mostPerPrincipal: number): SubscriptionLimit {
  const open = new Map<string, number>();
  return {
    enter(principal) {
      const now = open.get(principal) ?? 0;
      if (now >= mostPerPrincipal) return null;
      open.set(principal, now + 1);
      let isLeft = false;
      return () => {
        if (isLeft) return;
        isLeft = true;
        const left = (open.get(principal) ?? 1) - 1;
        if (left > 0) open.set(principal, left);
        else open.delete(principal);
      };
    },
  };
}
