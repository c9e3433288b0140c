import { accept } from '../gateway/accept.ts';
import { client } from '../gateway/connection.ts';
import { useAction } from '../gateway/use-action.ts';
import { useCan } from '../gateway/viewer.ts';
import { RevokeGrantDocument, type SessionDetailsQuery } from '../generated/documents.ts';
import { Words } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';

type Grant = NonNullable<SessionDetailsQuery['session']>['grants'][number];

/** Remembered approvals: what runs in the session without asking. */
export function Grants({ grants }: { grants: readonly Grant[] }) {
  const { isBusy, error, run } = useAction();
  const canRevoke = useCan('approve');
  const revoke = (grantId: string) =>
    run(async () => {
      accept((await client.query(RevokeGrantDocument, { input: { grantId } })).revokeGrant);
    });
  return (
    <section aria-label="Grants">
      <h3>Calls that run without asking</h3>
      {grants.length === 0 && <p className="quiet">None. An approval “for the session” or “for an hour” adds one.</p>}
      <ul className="plain-list">
        {grants.map(({ id, tool, target, grantedBy, grantedAt, expiresAt }) => (
          <li key={id} className="grant">
            <span>
              <b>{tool}</b> {target === null ? 'for every target' : <Words isStrict>{target}</Words>}
              <small>
                <Words>{grantedBy}</Words>, <Time at={grantedAt} />
                {expiresAt === null ? ', for the session' : <Time at={expiresAt} prefix=", ends " />}
              </small>
            </span>
            {canRevoke && (
              <button type="button" className="button danger" disabled={isBusy} onClick={() => revoke(id)}>
                Revoke
              </button>
            )}
          </li>
        ))}
      </ul>
      {error !== null && (
        <p role="alert" className="problem">
          {error}
        </p>
      )}
    </section>
  );
}
