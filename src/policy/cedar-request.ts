import { posix } from 'node:path';
import type { CedarValueJson, EntityJson, TypeAndId } from '@cedar-policy/cedar-wasm/nodejs';
import { POLICY_INPUT_LEVELS } from '../config/limits.ts';
import type { Json } from '../domain/events.ts';
import type { Metadata } from '../domain/metadata.ts';
import { withUrlPlaceholders } from '../domain/secrets/mask.ts';
import type { PolicyRequest } from './policy.ts';

/** A policy request in the terms of `schema.cedarschema`, without the action. */
export interface CedarRequest {
  principal: TypeAndId;
  resource: TypeAndId;
  context: Record<string, CedarValueJson>;
  entities: EntityJson[];
}

/** Entity id of the default configuration. Ids of agents have a prefix, so none is equal. */
const NO_AGENT = 'default';

export function cedarRequest({ principal, agent, session, message, tool, input }: PolicyRequest): CedarRequest {
  const principalUid = { type: 'Principal', id: principal.id };
  const agentUid = { type: 'Agent', id: agent.id ?? NO_AGENT };
  const sessionUid = { type: 'Session', id: session.id };
  const toolUid = { type: 'Tool', id: tool.name };
  const sessionMetadataUid = { type: 'Metadata', id: 'session' };
  const messageMetadataUid = { type: 'Metadata', id: 'message' };
  const { name, risk, source, idempotent, isOwn } = tool;
  const [url, path] = [urlOf(input), pathOf(input)];
  return {
    principal: principalUid,
    resource: toolUid,
    context: {
      agent: { __entity: agentUid },
      session: { __entity: sessionUid },
      message: { metadata: { __entity: messageMetadataUid } },
      input: cedarValue(input),
      ...(url === null ? {} : { url }),
      ...(path === null ? {} : { path }),
    },
    entities: [
      { uid: principalUid, attrs: { scopes: [...principal.scopes] }, parents: [] },
      { uid: agentUid, attrs: { name: agent.name }, parents: [] },
      { uid: sessionUid, attrs: { key: session.key, metadata: { __entity: sessionMetadataUid } }, parents: [] },
      ...taggedEntity(sessionMetadataUid, session.metadata),
      ...taggedEntity(messageMetadataUid, message.metadata),
      { uid: toolUid, attrs: { name, risk, source, idempotent }, parents: isOwn ? [agentUid] : [] },
    ],
  };
}

/** Cedar takes an entity that is missing for one without tags. */
function taggedEntity(uid: TypeAndId, metadata: Metadata): EntityJson[] {
  return Object.keys(metadata).length === 0 ? [] : [{ uid, attrs: {}, tags: { ...metadata }, parents: [] }];
}

/** Cedar reads objects with these members as entities and extension values. A model must not be able to write one. */
const reservedNames = ['__entity', '__extn', '__expr'];

/**
 * JSON as a Cedar value: an array is a set, a whole number a Long. Values that Cedar lacks (null, other numbers, values below
 * `levels`) become a record `{ json: "…" }` with their JSON text. It exists, and it equals and matches nothing else.
 */
export function cedarValue(value: Json, levels = POLICY_INPUT_LEVELS): CedarValueJson {
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value === 'boolean') return value;
  if (Number.isSafeInteger(value)) return value;
  // Cedar's parser is recursive, so the depth is bounded.
  if (typeof value !== 'object' || value === null || levels === 0) return jsonText(value);
  if (Array.isArray(value)) return value.map((element) => cedarValue(element, levels - 1));
  if (reservedNames.some((name) => Object.hasOwn(value, name))) return jsonText(value);
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name.toWellFormed(), cedarValue(member, levels - 1)]),
  );
}

const jsonText = (value: Json): CedarValueJson => ({ json: JSON.stringify(value) });

/** The parts of `input.url` as an HTTP client reads them. Null unless it is an absolute URL. */
export function urlOf(input: Json): CedarValueJson {
  const given = stringMember(input, 'url');
  const text = given === null ? null : withUrlPlaceholders(given);
  if (text === null || !URL.canParse(text)) return null;
  const { protocol, hostname, port, pathname, search } = new URL(text);
  const scheme = protocol.slice(0, -1);
  return {
    scheme,
    host: hostname.toLowerCase().replace(/\.+$/, ''),
    port: port === '' ? (defaultPorts[scheme] ?? 0) : Number(port),
    path: pathname.startsWith('/') ? pathname : `/${pathname}`,
    query: search.slice(1),
  };
}

const defaultPorts: Readonly<Record<string, number>> = { http: 80, https: 443 };

/**
 * `input.path`, normalized, so that no other spelling of a path evades a rule. Null if there is none, and if it contains a
 * backslash, which is a separator on some systems and part of a name on others.
 */
export function pathOf(input: Json): CedarValueJson {
  const text = stringMember(input, 'path');
  return text === null || text.includes('\\') ? null : posix.normalize(text).replace(/(?<=.)\/$/, '');
}

function stringMember(input: Json, name: string): string | null {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return null;
  const member = Object.hasOwn(input, name) ? input[name] : null;
  return typeof member === 'string' ? member.toWellFormed() : null;
}
