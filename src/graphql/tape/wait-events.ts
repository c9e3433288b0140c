import type { EventOf } from '../../domain/events.ts';
import { builder } from '../builder.ts';
import { loadWait } from '../loaders.ts';
import { Node } from '../node.ts';
import { Wait, WaitOutcome } from '../wait/wait-interface.ts';
import { TapeEvent } from './tape-event.ts';

builder.objectRef<EventOf<'wait_request'>>('WaitRequestEvent').implement({
  description: 'The run waits for a person or a client. Approvals have ApprovalRequestEvent instead.',
  interfaces: [Node, TapeEvent],
  fields: (t) => ({
    wait: t.field({
      type: Wait,
      description: 'The wait in its current state, which may be later than this event.',
      resolve: ({ payload }, _args, { loaders }) => loadWait(loaders, payload.waitId),
    }),
  }),
});

builder.objectRef<EventOf<'wait_settled'>>('WaitSettledEvent').implement({
  description: 'A wait was settled: answered, expired or withdrawn. Approvals have ApprovalDecisionEvent instead.',
  interfaces: [Node, TapeEvent],
  fields: (t) => ({
    wait: t.field({
      type: Wait,
      description: 'The settled wait.',
      resolve: ({ payload }, _args, { loaders }) => loadWait(loaders, payload.waitId),
    }),
    outcome: t.field({
      type: WaitOutcome,
      description: 'How it was settled.',
      resolve: ({ payload }) => payload.outcome,
    }),
  }),
});
