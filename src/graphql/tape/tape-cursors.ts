import { formatCursor } from '../../streams/cursor.ts';
import { builder } from '../builder.ts';
import { RunType, SessionType } from '../object-types.ts';

builder.objectField(RunType, 'cursor', (t) =>
  t.string({
    description: 'Position of its newest event. Pass it as `after` of `runEvents` to receive what comes next.',
    resolve: async ({ id: runId }, _args, { loaders }) => formatCursor({ runId, seq: await loaders.head.load(runId) }),
  }),
);

builder.objectField(SessionType, 'cursor', (t) =>
  t.string({
    nullable: true,
    description:
      'Position of its newest event. Pass it as `after` of `sessionEvents` to receive what comes next. While runs wait for their turn, the position in the first run that has not ended: their events come after it. Null before the first run.',
    resolve: async ({ id }, _args, { loaders }) => {
      const position = await loaders.sessionPosition.load(id);
      return position && formatCursor(position);
    },
  }),
);
