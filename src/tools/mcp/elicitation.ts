import {
  type ElicitRequest,
  ElicitRequestURLParamsSchema,
  type ElicitResult,
  ErrorCode,
  McpError,
  UrlElicitationRequiredError,
} from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import {
  ANSWER_SCHEMA_BYTES,
  MCP_QUESTION_URL_CHARACTERS,
  MCP_QUESTIONS_PER_CALL,
  MCP_WAITING_CALLS,
  QUESTION_CHARACTERS,
} from '../../config/limits.ts';
import type { Json } from '../../domain/events.ts';
import { maskJson, maskText } from '../../domain/secrets/mask.ts';
import { storableText } from '../../domain/storable-text.ts';
import type { CompileSchema } from '../json-schema/schema-checker.ts';
import type { ToolAnswer, ToolContext, ToolQuestion } from '../tool.ts';
import { describeFailure } from './channel.ts';
import { createTurns } from './turns.ts';

/** Answers a question of a server. `signal` aborts when the server needs no answer any more. Rejects with an error for the server. */
export type Elicit = (params: ElicitRequest['params'], signal: AbortSignal) => Promise<ElicitResult>;

/**
 * The calls of one connection, and the questions that the server asks during them. The protocol does not say which call a question
 * belongs to, so the server works on one call at a time: a question belongs to that one. While a person is asked, the server works
 * on the next call.
 */
export interface AskingCalls {
  /**
   * Makes a call when its turn has come. The time before does not count against its timeout. If the server answers that a person
   * has to open links first, the person is asked, and the call is made again.
   */
  make<Result>(context: ToolContext, call: () => Promise<Result>): Promise<Result>;
  elicit: Elicit;
}

interface Call {
  context: ToolContext;
  ended: AbortController;
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
    if (call.questions >= MCP_QUESTIONS_PER_CALL) throw refused(`A call can ask ${MCP_QUESTIONS_PER_CALL} questions.`);
    if (asking >= MCP_WAITING_CALLS) throw refused('Too many calls wait for persons.');
    call.questions += 1;
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

  /** The number of questions of a call bounds how often it is made. */
  async function workWithLinks<Result>(call: Call, work: () => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        const links = requiredLinks(error);
        if (links === null) throw error;
        for (const link of links) {
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
    async elicit(params, signal) {
      if (!current) throw refused('No call of a tool is in progress that the question belongs to.');
      return resultOf(await ask(current, params, signal));
    },
  };
}

export function untimed<Result>(context: ToolContext, work: () => Promise<Result>): Promise<Result> {
  return context.untimed ? context.untimed(work) : work();
}

/** On the connection that lists the tools, no call is made. Some servers list a tool only if they can ask. */
export const refuseQuestions: Elicit = () => Promise.reject(refused('No call of a tool is in progress.'));

const refused = (message: string) => new McpError(ErrorCode.InvalidRequest, message);
const invalid = (message: string) => new McpError(ErrorCode.InvalidParams, message);

async function questionOf(params: ElicitRequest['params'], compileSchema: CompileSchema): Promise<ToolQuestion> {
  const prompt = storableText(params.message).trim();
  if (prompt === '' || prompt.length > QUESTION_CHARACTERS) {
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
  if (JSON.stringify(maskJson(schema.properties ?? {})) !== JSON.stringify(schema.properties ?? {})) {
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
