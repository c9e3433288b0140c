import type { Attachment } from '../database/generated/sqlite/client.ts';
import { defineTable } from '../database/table.ts';

const attachments = defineTable<Attachment>('Attachment', { id: 'text', runId: 'text', content: 'text' });

/** Stores an output that is too large for its event, in the append of that event. */
export const insertAttachment = attachments.insert({ order: 25 });
