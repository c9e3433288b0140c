import { type RevokedGrant, revokeGrant } from '../../application/approval/revoke-grant.ts';
import { builder } from '../builder.ts';
import { loadRequired } from '../loaders.ts';
import { Node } from '../node.ts';
import { GrantType, SessionType } from '../object-types.ts';
import { defineResult, perform } from '../refusals.ts';

GrantType.implement({
  description:
    "A remembered approval: calls of the tool in the session need no new approval. It lapses when the tool's definition changes.",
  interfaces: [Node],
  fields: (t) => ({
    session: t.field({
      type: SessionType,
      description:
        'The session in which it applies. Not found for a principal who gave the grant but does not own the session.',
      resolve: ({ sessionId }, _args, { loaders }) => loadRequired(loaders, 'session', sessionId),
    }),
    tool: t.exposeString('tool', { description: 'Name of the tool.' }),
    target: t.exposeString('target', {
      nullable: true,
      description:
        'The only target that it covers, for `http_fetch` method and origin; null if it covers every target of the tool.',
    }),
    grantedBy: t.exposeString('grantedBy', { description: 'The principal who allowed the call.' }),
    grantedAt: t.expose('grantedAt', { type: 'DateTime', description: 'When it was granted.' }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it expires; null if it applies for the rest of the session.',
    }),
  }),
});

const RevokeGrantInput = builder.inputType('RevokeGrantInput', {
  description: 'The grant to revoke.',
  fields: (t) => ({ grantId: t.id({ required: true, description: 'Id of the grant.' }) }),
});

const RevokeGrantSuccess = builder.objectRef<RevokedGrant>('RevokeGrantSuccess').implement({
  description: 'The grant was revoked. The next call of the tool needs an approval again.',
  fields: (t) => ({
    revokedGrantId: t.id({ description: 'Id of the revoked grant.', resolve: ({ grantId }) => grantId }),
  }),
});

const RevokeGrantResult = defineResult('RevokeGrantResult', RevokeGrantSuccess, ['not-found']);

builder.mutationField('revokeGrant', (t) =>
  t.field({
    type: RevokeGrantResult,
    description: "Revokes a remembered approval of the viewer's sessions, or one that the viewer gave.",
    args: { input: t.arg({ type: RevokeGrantInput, required: true, description: 'The grant to revoke.' }) },
    resolve: (_root, { input }, context) => perform(context, revokeGrant(context.commands, context.viewer, input)),
  }),
);
