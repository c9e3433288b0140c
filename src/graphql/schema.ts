import './agent/agent.ts';
import './agent/agent-mutations.ts';
import './approval/approval-mutations.ts';
import './approval/approval-queries.ts';
import './approval/approval-subscription.ts';
import './gateway/gateway.ts';
import './gateway/tool.ts';
import './memory/memory.ts';
import './memory/memory-mutations.ts';
import './node.ts';
import './run/run-mutations.ts';
import './run/run-queries.ts';
import './run/send-message.ts';
import './scalars.ts';
import './session/branch-and-compact.ts';
import './session/change-session.ts';
import './session/resolve-session.ts';
import './session/session-queries.ts';
import './tape/follow-run.ts';
import './tape/follow-session.ts';
import './tape/model-events.ts';
import './tape/run-events.ts';
import './tape/tool-events.ts';
import type { GraphQLSchema } from 'graphql';
import { builder } from './builder.ts';
import { guardRootFields } from './scopes.ts';

/** The schema that the server answers with: every type, and scopes checked in front of every root field. */
export const schema: GraphQLSchema = guardRootFields(builder.toSchema());
