import type { RowWrite } from '../database/batch-statement.ts';
import type { Database } from '../database/database.ts';
import type { Attachment, AttachmentUse } from '../database/generated/sqlite/client.ts';
import { idList, statement } from '../database/statement.ts';
import { defineTable } from '../database/table.ts';
import type { SequencedEvent } from '../domain/events.ts';

const uses = defineTable<AttachmentUse>('AttachmentUse', {
  runId: 'text',
  seq: 'int',
  position: 'int',
  attachmentId: 'text',
});

const insertUse = uses.insert({ order: 62 });

/** Returns the rows of the attachments of messages. The database refuses the append if an attachment was deleted. */
export function attachmentUseRows(events: readonly SequencedEvent[]): RowWrite[] {
  return events.flatMap(({ type, payload, runId, seq }) =>
    type === 'input' && payload.attachments
      ? payload.attachments.map(({ id }, position) => insertUse({ runId, seq, position, attachmentId: id }))
      : [],
  );
}

/** An attachment, and the event with the message that refers to it. */
export type UsedAttachment = Attachment & { runId: string; messageSeq: number };

const ofRuns = statement<UsedAttachment>(
  {
    runId: 'text',
    messageSeq: 'int',
    id: 'text',
    owner: 'text',
    name: 'text',
    mediaType: 'text',
    bytes: 'int',
    sha256: 'text',
    blobId: 'text',
    createdAt: 'timestamp',
  },
  ({
    inIds,
  }) => `SELECT u."runId", u."seq", a."id", a."owner", a."name", a."mediaType", a."bytes", a."sha256", a."blobId", a."createdAt"
    FROM "AttachmentUse" AS u JOIN "Attachment" AS a ON a."id" = u."attachmentId"
    WHERE u."runId" ${inIds} ORDER BY u."runId", u."seq", u."position"`,
);

/** The attachments of all messages of each run, in the order of the tape. Does not check access: the ids must be of runs that the viewer may see. */
export function attachmentsOfRuns(database: Database, runIds: readonly string[]): Promise<UsedAttachment[]> {
  return database.query(ofRuns, idList(runIds));
}
