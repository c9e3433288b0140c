import type { GrantRow } from '../../repositories/grants.ts';
import { builder } from '../builder.ts';
import { Node } from '../node.ts';
import { present } from '../public-errors.ts';
import { SessionType } from '../session/session.ts';

export const GrantType = builder.objectRef<GrantRow>('ToolGrant');

GrantType.implement({
  description: 'A remembered approval: the tool runs in the session without asking again.',
  interfaces: [Node],
  fields: (t) => ({
    session: t.field({
      type: SessionType,
      description: 'The session in which it holds.',
      resolve: ({ sessionId: id }, _args, { loaders }) => present(loaders.session.load(id), 'session', id),
    }),
    tool: t.exposeString('tool', { description: 'Name of the tool.' }),
    grantedBy: t.exposeString('grantedBy', { description: 'The principal who decided so.' }),
    grantedAt: t.expose('grantedAt', { type: 'DateTime', description: 'When that was.' }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Until when it holds; null for the rest of the session.',
    }),
  }),
});
