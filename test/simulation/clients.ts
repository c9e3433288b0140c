import { decideApproval } from '../../src/application/approval/decide-approval.ts';
import type { Viewer } from '../../src/application/command-context.ts';
import { cancelRun } from '../../src/application/run/cancel-run.ts';
import type { SendMessageInput } from '../../src/application/run/message.ts';
import { sendMessage } from '../../src/application/run/send-message.ts';
import { answerQuestion } from '../../src/application/wait/answer-question.ts';
import { decideBudget } from '../../src/application/wait/decide-budget.ts';
import { StoreError } from '../../src/database/store-error.ts';
import { kindOfId } from '../../src/ids.ts';
import type { Invariants } from './invariants.ts';
import { resultSchema } from './outside.ts';
import type { Random } from './random.ts';
import type { SimulatedServer } from './server.ts';
import type { Store } from './store.ts';
import type { Timeline } from './timeline.ts';

/** The clients of the servers. They remember every answer, and check it against what is recorded. */
export interface Clients {
  /** Sends a new message to one of the sessions. Repeats it with the same key if it gets no answer. */
  send(): void;
  cancel(): void;
  /** Decides an approval, which is open if any is. */
  decide(): void;
  /** Decides every open approval. Returns their number. */
  decideAll(): number;
  /** To call when a server is killed: its requests get no answer. */
  serverWasKilled(server: SimulatedServer): void;
  /** Requests without an answer so far. */
  waiting(): number;
  /** To call when nothing happens any more. */
  checkEnd(): void;
}

export interface ClientOptions {
  store: Store;
  timeline: Timeline;
  random: Random;
  invariants: Invariants;
  /** A server that takes requests; null if there is none. */
  pickServer(): SimulatedServer | null;
  trace(line: string): void;
}

const viewer: Viewer = { principal: 'anna', scopes: ['read', 'write', 'approve', 'approve:any'] };
const sessionKeys = ['red', 'green', 'blue', 'grey'];
const RETRY_MILLISECONDS = 300;
/** One in so many messages asks for a result. */
const TYPED_MESSAGES = 3;

interface SentMessage {
  input: SendMessageInput & { idempotencyKey: string };
  answer: 'none' | 'sent' | 'refused' | 'failed';
  /** Whether a request was interrupted or had an unknown outcome, so that it may be recorded whatever the last answer says. */
  isUncertain: boolean;
}

interface PendingRequest {
  server: SimulatedServer;
  onKilled(): void;
}

export function createClients(options: ClientOptions): Clients {
  const { store, timeline, random, invariants, pickServer, trace } = options;
  const messages: SentMessage[] = [];
  const pending = new Set<PendingRequest>();

  /** Performs a command on a server. @param onAnswer gets null when the server is killed first */
  function request<Result>(
    server: SimulatedServer,
    command: () => Promise<Result>,
    onAnswer: (answer: { result: Result } | { error: unknown } | null) => void,
  ): void {
    const entry: PendingRequest = { server, onKilled: () => onAnswer(null) };
    pending.add(entry);
    const answer = (outcome: { result: Result } | { error: unknown }) => {
      if (pending.delete(entry)) onAnswer(outcome);
    };
    // A paused server gets the request when it is resumed.
    server.host.after(0, () => {
      command().then(
        (result) => answer({ result }),
        (error: unknown) => answer({ error }),
      );
    });
  }

  function attempt(message: SentMessage, attemptsLeft: number): void {
    const server = pickServer();
    if (!server) {
      if (attemptsLeft > 0) timeline.after(RETRY_MILLISECONDS, () => attempt(message, attemptsLeft - 1));
      return;
    }
    trace(`${server.host.name}: send ${message.input.text} to ${message.input.sessionKey} ${message.input.whenBusy}`);
    request(
      server,
      () => sendMessage(server.context, viewer, message.input),
      (answer) => {
        const repeat = () => timeline.after(RETRY_MILLISECONDS, () => attempt(message, attemptsLeft - 1));
        if (answer === null) {
          message.isUncertain = true;
          if (attemptsLeft > 0) repeat();
          return;
        }
        if ('error' in answer) {
          if (!(answer.error instanceof StoreError)) {
            invariants.report(`a message failed: ${answer.error}`);
            return;
          }
          if (answer.error.failure === 'unknown') message.isUncertain = true;
          message.answer = 'failed';
          if (attemptsLeft > 0 && random.chance(0.7)) repeat();
          return;
        }
        message.answer = answer.result.kind === 'sent' ? 'sent' : 'refused';
        if (answer.result.kind !== 'sent') return;
        const { runId, seq } = answer.result;
        const places = invariants.inputs.get(message.input.idempotencyKey) ?? [];
        if (!places.some((place) => place.runId === runId && place.seq === seq)) {
          invariants.report(`6: ${message.input.text} was acknowledged at ${runId} ${seq} and is not there`);
        }
      },
    );
  }

  function decide(server: SimulatedServer, approvalId: string, decision: 'ALLOW' | 'DENY'): void {
    const scope = decision === 'ALLOW' && random.chance(0.2) ? 'SESSION' : null;
    trace(`${server.host.name}: ${decision} ${approvalId}`);
    request(
      server,
      () => decideApproval(server.context, viewer, { approvalId, decision, scope }),
      (answer) => {
        if (answer === null) return;
        if ('error' in answer) {
          if (!(answer.error instanceof StoreError)) invariants.report(`a decision failed: ${answer.error}`);
          return;
        }
        if (answer.result.kind !== 'decided') return;
        const status = invariants.tapeOf(answer.result.runId)?.approvals.get(approvalId)?.status;
        if (status !== (decision === 'ALLOW' ? 'ALLOWED' : 'DENIED')) {
          invariants.report(`6: the answer to ${decision} of ${approvalId} was "decided"; the approval is ${status}`);
        }
      },
    );
  }

  function settle(server: SimulatedServer, id: string, isAllowed: boolean): void {
    const decision = isAllowed ? 'ALLOW' : 'DENY';
    const { context } = server;
    if (kindOfId(id) === 'question') {
      const reply = isAllowed ? ({ action: 'ANSWER', answer: 'yes' } as const) : ({ action: 'DECLINE' } as const);
      replyTo(server, id, () => answerQuestion(context, viewer, { questionId: id, ...reply }));
    } else if (kindOfId(id) === 'budgetRequest') {
      replyTo(server, id, () => decideBudget(context, viewer, { budgetRequestId: id, decision }));
    } else decide(server, id, decision);
  }

  /** Settles a wait that is no approval. */
  function replyTo(server: SimulatedServer, id: string, command: () => Promise<unknown>): void {
    trace(`${server.host.name}: settle ${id}`);
    request(server, command, (answer) => {
      if (answer === null || !('error' in answer) || answer.error instanceof StoreError) return;
      invariants.report(`the reply to ${id} failed: ${answer.error}`);
    });
  }

  return {
    send() {
      const number = messages.length + 1;
      const text = `message ${number}`;
      const sessionKey = random.pick(sessionKeys);
      const whenBusy = random.pick(['QUEUE', 'QUEUE', 'STEER', 'INTERRUPT', 'REJECT'] as const);
      const isTyped = number % TYPED_MESSAGES === 0 && whenBusy !== 'STEER';
      const message: SentMessage = {
        input: { sessionKey, text, whenBusy, idempotencyKey: text, outputSchema: isTyped ? resultSchema : null },
        answer: 'none',
        isUncertain: false,
      };
      messages.push(message);
      attempt(message, 4);
    },
    cancel() {
      const open = [...invariants.tapes()].filter(({ run }) => run && !('endedAt' in run.state));
      const server = pickServer();
      if (open.length === 0 || !server) return;
      const { runId } = random.pick(open);
      trace(`${server.host.name}: cancel ${runId}`);
      request(
        server,
        () => cancelRun(server.context, viewer, { runId, reason: 'Not needed.' }),
        (answer) => {
          if (answer === null) return;
          if ('error' in answer) {
            if (!(answer.error instanceof StoreError)) invariants.report(`a cancellation failed: ${answer.error}`);
            return;
          }
          const status = invariants.tapeOf(runId)?.status;
          if (answer.result.kind === 'cancelled' && status !== 'CANCELLED') {
            invariants.report(`6: the answer was that ${runId} is cancelled; it is ${status}`);
          }
        },
      );
    },
    decide() {
      const rows = store.select(`SELECT "id" FROM "Wait" ORDER BY "status" = 'PENDING' DESC, "id" LIMIT 3`);
      const server = pickServer();
      if (rows.length === 0 || !server) return;
      settle(server, String(random.pick(rows).id), random.chance(0.7));
    },
    decideAll() {
      const rows = store.select(`SELECT "id" FROM "Wait" WHERE "status" = 'PENDING' ORDER BY "id"`);
      for (const { id } of rows) {
        const server = pickServer();
        if (server) settle(server, String(id), random.chance(0.5));
      }
      return rows.length;
    },
    serverWasKilled(server) {
      for (const entry of [...pending]) {
        if (entry.server === server && pending.delete(entry)) entry.onKilled();
      }
    },
    waiting: () => pending.size,
    checkEnd() {
      if (pending.size > 0) invariants.report(`${pending.size} requests have no answer`);
      for (const { input, answer, isUncertain } of messages) {
        const isRecorded = invariants.inputs.has(input.idempotencyKey);
        if (answer === 'sent' && !isRecorded) invariants.report(`6: ${input.text} was acknowledged and is lost`);
        const isDenied = answer === 'refused' || answer === 'failed';
        if (isDenied && !isUncertain && isRecorded) {
          invariants.report(`the answer to ${input.text} was ${answer}, but it is recorded`);
        }
      }
    },
  };
}
