import { useQuery } from '../gateway/use-query.ts';
import { useCan } from '../gateway/viewer.ts';
import { SessionDetailsDocument } from '../generated/documents.ts';
import { Id } from '../parts/copy.tsx';
import { Modal } from '../parts/modal.tsx';
import { Problem, Skeleton } from '../parts/status.tsx';
import { Fact, Facts, Words } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { Grants } from './grants.tsx';
import { SessionForm } from './session-form.tsx';

/** What a session is called, its agent and metadata, and what its calls may do without asking. */
export function SessionDetails({ sessionId, onClose }: { sessionId: string; onClose(): void }) {
  const { data, error } = useQuery(SessionDetailsDocument, { id: sessionId });
  const session = data?.session;
  const canWrite = useCan('write');
  return (
    <Modal title="Details of the session" isOpen onClose={onClose}>
      {error !== null && <Problem error={error} />}
      {!session && error === null && <Skeleton rows={4} />}
      {session && (
        <>
          <Facts>
            <Fact name="key">
              <Words>{session.key}</Words>
            </Fact>
            <Fact name="id">
              <Id id={session.id} />
            </Fact>
            <Fact name="created">
              <Time at={session.createdAt} />
            </Fact>
          </Facts>
          <SessionForm key={session.id} session={session} canWrite={canWrite} />
          <Grants grants={session.grants} />
        </>
      )}
    </Modal>
  );
}
