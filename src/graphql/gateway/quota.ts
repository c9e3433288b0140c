import type { QuotaLimits } from '../../config/storage-config.ts';
import type { StoredAmounts } from '../../repositories/stored-amounts.ts';
import { builder } from '../builder.ts';

export const Quota = builder.objectRef<StoredAmounts & QuotaLimits>('Quota').implement({
  description:
    'What a principal has stored and may store. At a limit, whatever would add to it is refused with LimitExceededError.',
  fields: (t) => ({
    storedBytes: t.exposeFloat('storedBytes', {
      description:
        'Bytes of the events and long texts of runs that have ended, and of attachments. Equal files count once. A run in progress is counted when it ends.',
    }),
    maxStoredBytes: t.exposeFloat('maxStoredBytes', {
      nullable: true,
      description:
        'When it is used up, new messages and uploads are refused; runs in progress go on. Null if there is no limit.',
    }),
    sessions: t.exposeInt('sessions', { description: 'Number of sessions, archived ones and branches included.' }),
    maxSessions: t.exposeInt('maxSessions', {
      nullable: true,
      description: 'The most sessions; null if there is no limit.',
    }),
    memories: t.exposeInt('memories', {
      description: 'Number of memories. Those that have expired count for up to an hour.',
    }),
    maxMemories: t.exposeInt('maxMemories', {
      nullable: true,
      description: 'The most memories; null if there is no limit.',
    }),
  }),
});
