/** The state of a run, a call or a wait: shape, word and colour. */
const looks: Readonly<Record<string, readonly [shape: string, word: string, tone: string]>> = {
  PENDING: ['○', 'Pending', 'quiet'],
  IN_PROGRESS: ['▸', 'In progress', 'active'],
  AWAITING_APPROVAL: ['‖', 'Waiting', 'warn'],
  DONE: ['✓', 'Done', 'good'],
  FAILED: ['✗', 'Failed', 'bad'],
  CANCELLED: ['–', 'Cancelled', 'quiet'],
  REQUESTED: ['○', 'Requested', 'quiet'],
  WAITING: ['…', 'Waiting', 'warn'],
  RUNNING: ['▸', 'Running', 'active'],
  SUCCEEDED: ['✓', 'Done', 'good'],
  DENIED: ['✗', 'Denied', 'bad'],
  ALLOWED: ['✓', 'Allowed', 'good'],
  ANSWERED: ['✓', 'Answered', 'good'],
  COMPLETED: ['✓', 'Completed', 'good'],
  DECLINED: ['✗', 'Declined', 'bad'],
  EXPIRED: ['–', 'Expired', 'quiet'],
  WITHDRAWN: ['–', 'Withdrawn', 'quiet'],
  READY: ['✓', 'Ready', 'good'],
  STARTING: ['▸', 'Starting', 'active'],
  RESTARTING: ['▸', 'Restarting', 'warn'],
  DISABLED: ['–', 'Disabled', 'quiet'],
  CLOSED: ['✓', 'Available', 'good'],
  HALF_OPEN: ['▸', 'Trying again', 'warn'],
  OPEN: ['✗', 'Unavailable', 'bad'],
};

export function wordOf(state: string): string {
  return looks[state]?.[1] ?? state;
}

export function State({ of, isShort = false }: { of: string; isShort?: boolean }) {
  const [shape, word, tone] = looks[of] ?? ['○', of, 'quiet'];
  return (
    <span className={`state tone-${tone}`} title={isShort ? word : undefined}>
      <span className="shape" aria-hidden="true">
        {shape}
      </span>
      <span className={isShort ? 'visually-hidden' : ''}>{word}</span>
    </span>
  );
}

export function Risk({ of }: { of: string }) {
  const tone = of === 'LOW' ? 'quiet' : of === 'MEDIUM' ? 'warn' : 'bad';
  return (
    <span className={`risk tone-${tone}`} title={`Risk ${of.toLowerCase()}`}>
      {of === 'MEDIUM' ? 'MED' : of === 'CRITICAL' ? 'CRIT' : of}
    </span>
  );
}
