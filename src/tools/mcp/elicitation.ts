import {
  type ElicitRequest,
  ElicitRequestURLParamsSchema,
  type ElicitResult,
  ErrorCode,
  McpError,
  UrlElicitationRequiredError,
} from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { inTurns } from '../../clock.ts';
import {
  ANSWER_SCHEMA_BYTES,
  MCP_QUESTION_FIELDS,
  MCP_QUESTION_URL_CHARACTERS,
  MCP_QUESTIONS_PER_CALL,
  MCP_WAITING_CALLS,
  QUESTION_CHARACTERS,
} from '../../config/limits.ts';
import type { Json } from '../../domain/events.ts';
import { maskJsonInSteps, maskText } from '../../domain/secrets/mask.ts';
import { storableText } from '../../domain/storable-text.ts';
import type { CompileSchema } from '../json-schema/schema-checker.ts';
import type { ToolAnswer, ToolContext, ToolQuestion } from '../tool.ts';
import { describeFailure } from './channel.ts';
import { createTurns } from './turns.ts';

/** Answers the questions of a server. */
export interface Questions {
  /** Called with each question before its form is validated. Returns the error for the server if it cannot be asked. */
  admit(params: unknown): McpError | null;
  /** `signal` aborts when the server needs no answer any more. Rejects with an error for the server. */
  elicit(params: ElicitRequest['params'], signal: AbortSignal): Promise<ElicitResult>;
}

/**
 * The calls of one connection, and the questions that the server asks during them. The protocol does not say which call a question
 * belongs to, so the server works on one call at a time: a question belongs to that one. While a person is asked, the server works
 * on the next call.
 */
export interface AskingCalls extends Questions {
  /**
   * Makes a call when its turn has come. The time before does not count against its timeout. If the server answers that a person
   * has to open links first, the person is asked, and the call is made again.
   */
  make<Result>(context: ToolContext, call: () => Promise<Result>): Promise<Result>;
}

interface Call {
  context: ToolContext;
  ended: AbortController;
  /** Refused ones included. */
  questions: number;
  isAsking: boolean;
}

export function createAskingCalls(compileSchema: CompileSchema): AskingCalls {
  const turns = createTurns();
  let current: Call | null = null;
  let asking = 0;

  async function beginTurn(call: Call): Promise<void> {
    const signal = AbortSignal.any([call.context.signal, call.ended.signal]);
    await untimed(call.context, () => turns.take(signal));
    // It may have ended after the turn came to it. Nobody else would end that turn.
    if (call.ended.signal.aborted) {
      turns.end();
      throw call.ended.signal.reason;
    }
    current = call;
  }

  function endTurn(call: Call): void {
    if (current !== call) return;
    current = null;
    turns.end();
  }

  async function ask(call: Call, params: ElicitRequest['params'], signal: AbortSignal): Promise<ToolAnswer> {
    const { ask: askPerson } = call.context;
    if (!askPerson) throw refused('This call cannot ask a person.');
    if (call.isAsking) throw refused('A tool can ask one question at a time.');
    if (asking >= MCP_WAITING_CALLS) throw refused('Too many calls wait for persons.');
    call.isAsking = true;
    asking += 1;
    try {
      const question = await questionOf(params, compileSchema);
      endTurn(call);
      return await askPerson(question, AbortSignal.any([signal, call.ended.signal]));
    } finally {
      asking -= 1;
      call.isAsking = false;
      // The server goes on with the call when it has the answer.
      if (current !== call && !call.ended.signal.aborted) await beginTurn(call);
    }
  }

  function count(call: Call): McpError | null {
    if (call.questions >= MCP_QUESTIONS_PER_CALL) return refused(`A call can ask ${MCP_QUESTIONS_PER_CALL} questions.`);
    call.questions += 1;
    return null;
  }

  /** The number of questions of a call bounds how often it is made. */
  async function workWithLinks<Result>(call: Call, work: () => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        const links = requiredLinks(error);
        if (links === null) throw error;
        for (const link of links) {
          const problem = count(call);
          if (problem) throw problem;
          const answer = await ask(call, link, call.context.signal);
          if (answer.action !== 'ANSWER') throw new Error(refusedLink(answer));
        }
      }
    }
  }

  return {
    async make(context, work) {
      const call: Call = { context, ended: new AbortController(), questions: 0, isAsking: false };
      await beginTurn(call);
      try {
        return await workWithLinks(call, work);
      } finally {
        call.ended.abort(new Error('The call ended.'));
        endTurn(call);
      }
    },
    admit: (params) => (current ? (count(current) ?? formProblem(params)) : noCall()),
    async elicit(params, signal) {
      if (!current) throw noCall();
      return resultOf(await ask(current, params, signal));
    },
  };
}

export function untimed<Result>(context: ToolContext, work: () => Promise<Result>): Promise<Result> {
  return context.untimed ? context.untimed(work) : work();
}

/** On the connection that lists the tools, no call is made. Some servers list a tool only if they can ask. */
export const refuseQuestions: Questions = { admit: noCall, elicit: () => Promise.reject(noCall()) };

function noCall(): McpError {
  return refused('No call of a tool is in progress that the question belongs to.');
}

const refused = (message: string) => new McpError(ErrorCode.InvalidRequest, message);
const invalid = (message: string) => new McpError(ErrorCode.InvalidParams, message);

const form = z.looseObject({ requestedSchema: z.looseObject({ properties: z.custom<object>(isObject) }) });

/** Why a form is too large to be validated; null if it is not. */
function formProblem(params: unknown): McpError | null {
  if (isLongerThan(params, { characters: QUESTION_CHARACTERS + ANSWER_SCHEMA_BYTES })) {
    return invalid(
      `The message must not have more than ${QUESTION_CHARACTERS} characters, and the schema not more than ${ANSWER_SCHEMA_BYTES} bytes.`,
    );
  }
  const parsed = form.safeParse(params);
  const fields = parsed.success ? Object.keys(parsed.data.requestedSchema.properties).length : 0;
  return fields > MCP_QUESTION_FIELDS
    ? invalid(`The form must not have more than ${MCP_QUESTION_FIELDS} fields.`)
    : null;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Whether the texts and names in a value, and a character for each value, are together longer than that. Stops when they are. */
function isLongerThan(value: unknown, left: { characters: number }): boolean {
  left.characters -= typeof value === 'string' ? value.length : 1;
  if (left.characters < 0) return true;
  if (!isObject(value)) return false;
  if (Array.isArray(value)) return value.some((item) => isLongerThan(item, left));
  for (const name in value) {
    left.characters -= name.length;
    if (isLongerThan(Reflect.get(value, name), left)) return true;
  }
  return false;
}

async function questionOf(params: ElicitRequest['params'], compileSchema: CompileSchema): Promise<ToolQuestion> {
  const prompt = params.message.length > QUESTION_CHARACTERS ? '' : storableText(params.message).trim();
  if (prompt === '') {
    throw invalid(`The message must have 1 to ${QUESTION_CHARACTERS} characters.`);
  }
  if (params.mode === 'url') return { prompt, answerSchema: { type: 'null' }, url: linkOf(params.url) };
  // The protocol allows no other members in an answer.
  const answerSchema = { ...params.requestedSchema, additionalProperties: false };
  const text = JSON.stringify(answerSchema);
  if (Buffer.byteLength(text) > ANSWER_SCHEMA_BYTES) {
    throw invalid(`The schema must not be longer than ${ANSWER_SCHEMA_BYTES} bytes.`);
  }
  const schema: { [key: string]: Json } = JSON.parse(text);
  if (/\\u(0000|d[89a-f])/i.test(text)) throw invalid('The schema has characters that cannot be stored.');
  const { properties = {} } = schema;
  if (JSON.stringify(await inTurns(maskJsonInSteps(properties))) !== JSON.stringify(properties)) {
    throw invalid('The schema has values that look like credentials.');
  }
  await compileSchema(schema, 'answer').catch((error: unknown) => {
    throw invalid(`The schema cannot be used: ${describeFailure(error)}`);
  });
  return { prompt, answerSchema: schema, url: null };
}

/** The link in its canonical form: the host as it is looked up. */
function linkOf(text: string): string {
  if (!URL.canParse(text)) throw invalid('The URL is not valid.');
  const url = new URL(text);
  if (!/^https?:$/.test(url.protocol)) throw invalid('The URL must begin with http: or https:.');
  if (url.username !== '' || url.password !== '') throw invalid('The URL must not have a user name or a password.');
  if (url.href.length > MCP_QUESTION_URL_CHARACTERS) {
    throw invalid(`The URL must not have more than ${MCP_QUESTION_URL_CHARACTERS} characters.`);
  }
  if (maskText(url.href) !== url.href) throw invalid('The URL has a part that looks like a credential.');
  return url.href;
}

/** The links that a server requires before a call; null if the error says nothing of the kind. */
function requiredLinks(error: unknown): ElicitRequest['params'][] | null {
  if (!(error instanceof UrlElicitationRequiredError)) return null;
  const links = z.array(ElicitRequestURLParamsSchema).min(1).safeParse(error.elicitations);
  return links.success ? links.data : null;
}

/** What the model is told. */
function refusedLink({ action, reason }: Exclude<ToolAnswer, { action: 'ANSWER' }>): string {
  const what =
    action === 'DECLINE'
      ? 'The person declined to open the link that the tool needs.'
      : 'The person cancelled the link that the tool needs, and wants no more questions.';
  return reason === null ? what : `${what} Reason: ${reason}`;
}

function resultOf(reply: ToolAnswer): ElicitResult {
  if (reply.action !== 'ANSWER') {
    const { reason } = reply;
    const action = reply.action === 'DECLINE' ? 'decline' : 'cancel';
    return reason === null ? { action } : { action, _meta: { 'runtape/reason': reason } };
  }
  // Null is the answer to a link: the person agrees to open it.
  return reply.answer === null
    ? { action: 'accept' }
    : { action: 'accept', content: reply.answer as NonNullable<ElicitResult['content']> };
}
