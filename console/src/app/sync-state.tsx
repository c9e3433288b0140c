import { useEffect, useState } from 'react';
import { client } from '../gateway/connection.ts';
import { unreachableSince } from '../gateway/reachability.ts';
import { useReadable } from '../gateway/use-readable.ts';
import { exactTime } from '../text/time.ts';

/** How far the page is from what the gateway has: live, catching up, or offline with the next attempt. */
export function SyncState() {
  const sync = useReadable(client.sync);
  const unreachable = useReadable(unreachableSince);
  if (sync.state === 'offline') return <Offline since={sync.since} nextAttemptAt={sync.nextAttemptAt} />;
  if (unreachable) return <Offline since={unreachable} nextAttemptAt={null} />;
  if (sync.state === 'live') return <Label tone="good" text="live" title="The page shows what the gateway has." />;
  const progress = sync.progress === null ? '' : ` ${Math.floor(sync.progress * 100)} %`;
  return <Label tone="active" text={`catching up${progress}`} title="Older changes are on their way." />;
}

function Label({ tone, text, title }: { tone: string; text: string; title: string }) {
  return (
    <span className={`sync tone-${tone}`} title={title} role="status">
      <span className="dot" aria-hidden="true" />
      {text}
    </span>
  );
}

function Offline({ since, nextAttemptAt }: { since: Date; nextAttemptAt: Date | null }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, []);
  const seconds = nextAttemptAt === null ? null : Math.max(0, Math.ceil((nextAttemptAt.getTime() - now) / 1000));
  const next = seconds === null ? 'trying again' : seconds === 0 ? 'connecting' : `next try in ${seconds} s`;
  return <Label tone="bad" text={`offline · ${next}`} title={`Offline since ${exactTime(since.toISOString())}`} />;
}
