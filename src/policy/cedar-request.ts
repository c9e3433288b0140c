import type { CedarValueJson, EntityJson, TypeAndId } from '@cedar-policy/cedar-wasm/nodejs';
import { cedarValue, pathOf, urlOf } from './cedar-values.ts';
import type { PolicyRequest } from './policy.ts';

/** A question in the words of `schema.cedarschema`, for either action. */
export interface CedarRequest {
  principal: TypeAndId;
  resource: TypeAndId;
  context: Record<string, CedarValueJson>;
  entities: EntityJson[];
}

/** The id of the entity that stands for the gateway's own ways; ids of agents have a prefix of theirs. */
const NO_AGENT = 'default';

export function cedarRequest({ principal, agent, session, tool, input }: PolicyRequest): CedarRequest {
  const owner = { type: 'Principal', id: principal.id };
  const way = { type: 'Agent', id: agent.id ?? NO_AGENT };
  const conversation = { type: 'Session', id: session.id };
  const called = { type: 'Tool', id: tool.name };
  const { name, risk, source, idempotent, isOwn } = tool;
  const [url, path] = [urlOf(input), pathOf(input)];
  return {
    principal: owner,
    resource: called,
    context: {
      agent: { __entity: way },
      session: { __entity: conversation },
      input: cedarValue(input),
      ...(url === null ? {} : { url }),
      ...(path === null ? {} : { path }),
    },
    entities: [
      { uid: owner, attrs: { scopes: [...principal.scopes] }, parents: [] },
      { uid: way, attrs: { name: agent.name }, parents: [] },
      { uid: conversation, attrs: { key: session.key }, parents: [] },
      { uid: called, attrs: { name, risk, source, idempotent }, parents: isOwn ? [way] : [] },
    ],
  };
}
