import type { Attributes, Span } from './spans.ts';

/** Numbers of the enumerations of OTLP. */
const kinds = { internal: 1, client: 3 } as const;
const ERROR_STATUS = '"code":2';
/** A sampled span, whose parent is not known to be remote. */
const FLAGS = 0x101;

/** What sends the spans. */
export interface SpanSource {
  serviceName: string;
  version: string;
}

/**
 * A request of OTLP with spans, as JSON in ASCII. It is written as text, one span after the other, because most of the cost of a trace
 * was its request: objects for each value, one long text, and its encoding as UTF-8 took several times as long.
 */
export function traceRequest(spans: readonly Span[], { serviceName, version }: SpanSource): Uint8Array {
  const resource = attributesJson({ 'service.name': serviceName, 'service.version': version });
  const scope = `{"name":"runtape","version":${textJson(version)}}`;
  return Buffer.concat([
    bytesOf(`{"resourceSpans":[{"resource":{"attributes":${resource}},"scopeSpans":[{"scope":${scope},"spans":[`),
    ...spans.map((span, index) => bytesOf((index === 0 ? '' : ',') + spanJson(span))),
    bytesOf(']}]}]}'),
  ]);
}

const bytesOf = (ascii: string) => Buffer.from(ascii, 'latin1');

function spanJson({ traceId, spanId, parentSpanId, name, kind, startedAt, endedAt, ...span }: Span): string {
  const parent = parentSpanId === null ? '' : `"parentSpanId":"${parentSpanId}",`;
  const times = `"startTimeUnixNano":${timeJson(startedAt)},"endTimeUnixNano":${timeJson(endedAt)}`;
  const attributes = attributesJson(span.attributes);
  const events = span.events.length === 0 ? '' : `"events":[${span.events.map(eventJson)}],`;
  const status = span.isError ? ERROR_STATUS : '';
  return `{"traceId":"${traceId}","spanId":"${spanId}",${parent}"name":${textJson(name)},"kind":${kinds[kind]},${times},"attributes":${attributes},${events}"status":{${status}},"flags":${FLAGS}}`;
}

const eventJson = ({ name, at, attributes }: Span['events'][number]) =>
  `{"name":${textJson(name)},"timeUnixNano":${timeJson(at)},"attributes":${attributesJson(attributes)}}`;

/** @param milliseconds a whole number */
const timeJson = (milliseconds: number) => `"${milliseconds}000000"`;

function attributesJson(attributes: Attributes): string {
  let list = '';
  for (const name in attributes) {
    const value = attributes[name];
    if (value !== undefined) list += `${list === '' ? '' : ','}{"key":"${name}","value":${valueJson(value)}}`;
  }
  return `[${list}]`;
}

function valueJson(value: Attributes[string]): string {
  switch (typeof value) {
    case 'string':
      return `{"stringValue":${textJson(value)}}`;
    case 'number':
      return Number.isInteger(value) ? `{"intValue":${value}}` : `{"doubleValue":${value}}`;
    case 'boolean':
      return `{"boolValue":${value}}`;
    default:
      return `{"arrayValue":{"values":[${value.map(valueJson)}]}}`;
  }
}

/** Nothing in such a text is escaped. */
const plainText = /^[\w .:/-]*$/;

function textJson(text: string): string {
  if (plainText.test(text)) return `"${text}"`;
  return JSON.stringify(text).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
