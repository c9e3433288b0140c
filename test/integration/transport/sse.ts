import { EventSourceParserStream } from 'eventsource-parser/stream';
import { FollowRunDocument } from '../../generated/graphql.ts';
import type { Event } from '../conversation.ts';

export interface StreamMessage {
  id?: string;
  event?: string;
  data: string;
}

interface FollowRequest {
  runId: string;
  after?: string;
  types?: string[];
  /** What a browser sends when it comes back. */
  lastEventId?: string;
  signal?: AbortSignal;
  /** GET with everything in the address, as an EventSource does it. */
  byGet?: boolean;
  query?: string;
}

/** Asks for a run's events as an event stream, without any client's help. */
export function askForStream(url: string, request: FollowRequest): Promise<Response> {
  const { runId, after, types, lastEventId, signal, byGet } = request;
  const operation = { query: request.query ?? FollowRunDocument.toString(), variables: { runId, after, types } };
  const headers = {
    accept: 'text/event-stream',
    'x-principal': 'ada',
    ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
  };
  if (byGet) return fetch(streamAddress(url, operation), { headers, signal });
  const json = { ...headers, 'content-type': 'application/json' };
  return fetch(url, { method: 'POST', headers: json, body: JSON.stringify(operation), signal });
}

export function streamAddress(url: string, operation: { query: string; variables: unknown }): string {
  const parameters = new URLSearchParams({ query: operation.query, variables: JSON.stringify(operation.variables) });
  return `${url}?${parameters}`;
}

/** The messages of an answer as any parser of server-sent events sees them. */
export async function* messagesOf(response: Response): AsyncGenerator<StreamMessage, void> {
  if (!response.body) throw new Error('There is no body.');
  const messages = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const message of messages) yield message;
}

export async function openStream(url: string, request: FollowRequest): Promise<AsyncGenerator<StreamMessage, void>> {
  return messagesOf(await askForStream(url, request));
}

export async function collect<T>(source: AsyncIterable<T>, most = Number.POSITIVE_INFINITY): Promise<T[]> {
  const items: T[] = [];
  if (most === 0) return items;
  for await (const item of source) {
    items.push(item);
    if (items.length >= most) break;
  }
  return items;
}

/** The event of a `next` message. */
export function eventIn({ data }: StreamMessage): Event {
  const { data: found, errors } = JSON.parse(data) as { data?: { runEvents: Event }; errors?: { message: string }[] };
  if (!found) throw new Error(errors?.map(({ message }) => message).join('; '));
  return found.runEvents;
}
