import './agent/agent.ts';
import './agent/agent-mutations.ts';
import './approval/approval.ts';
import './approval/approval-content.ts';
import './approval/approval-mutations.ts';
import './approval/approval-subscription.ts';
import './approval/grant.ts';
import './gateway/gateway.ts';
import './gateway/tool.ts';
import './gateway/tool-mutations.ts';
import './memory/memory.ts';
import './memory/memory-mutations.ts';
import './node.ts';
import './policy/explain-policy.ts';
import './run/run.ts';
import './run/run-mutations.ts';
import './run/run-queries.ts';
import './scalars.ts';
import './session/compaction.ts';
import './session/session.ts';
import './session/session-mutations.ts';
import './session/session-queries.ts';
import './session/session-recovery.ts';
import './usage/usage-report.ts';
import './tape/follow-run.ts';
import './tape/follow-session.ts';
import './tape/model-events.ts';
import './tape/run-events.ts';
import './tape/tool-events.ts';
import './tool-call/tool-call.ts';
import './wait/wait-queries.ts';
import type { GraphQLSchema } from 'graphql';
import { builder } from './builder.ts';
import { guardRootFields } from './execution/scopes.ts';

/** The schema of the server: all types that the files above define, with a scope check on every root field. */
export const schema: GraphQLSchema = guardRootFields(builder.toSchema());
schema.description =
  'Runtape runs AI agents and records every event of a run on an append-only tape. Mutations send messages and decide approvals, queries read sessions, runs and tapes, and subscriptions follow tapes live. Every object with an `id` is a `Node`; events are among them.';
