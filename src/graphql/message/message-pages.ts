import type { RowPage } from '../../domain/page.ts';
import { segmentsOf } from '../../domain/session.ts';
import type { ConversationPart, TapeBound } from '../../projections/message-positions.ts';
import type { ConversationMessage } from '../../projections/messages.ts';
import type { SessionRow } from '../../repositories/sessions.ts';
import { CursorError, parseCursor, seqOnTape } from '../../streams/cursor.ts';
import { type ConnectionArguments, pageSize } from '../connection/paging.ts';
import type { GraphqlContext } from '../context.ts';

/** What a conversation consists of, oldest part first: what the session sees of its ancestors, and then its own runs. */
async function partsOf({ loaders }: GraphqlContext, { id, parentId }: SessionRow): Promise<ConversationPart[]> {
  const lineage = parentId === null ? [{ id, branch: null }] : await loaders.lineage.load(id);
  // A reset hides older turns from the model. A chat still shows them.
  return segmentsOf(lineage, 0)
    .map(({ sessionId, upToTurn, cut }) => ({
      sessionId,
      upToTurn: sessionId === id ? null : upToTurn,
      cut,
      after: null,
      before: null,
    }))
    .reverse();
}

/** Messages of a session that the viewer may see. Throws a CursorError if a cursor is not a position of its conversation. */
export async function messagePage(
  context: GraphqlContext,
  session: SessionRow,
  args: ConnectionArguments,
): Promise<RowPage<ConversationMessage>> {
  const page = pageSize(args);
  const parts = await partsOf(context, session);
  const locate = (cursor: string | null | undefined) =>
    cursor == null ? null : positionIn(context, session.id, parts, cursor);
  const [after, before] = await Promise.all([locate(args.after), locate(args.before)]);
  const bounded = parts.slice(after?.part ?? 0, before === null ? parts.length : before.part + 1).map((part) => ({
    ...part,
    after: after?.sessionId === part.sessionId ? after.bound : null,
    before: before?.sessionId === part.sessionId ? before.bound : null,
  }));
  return context.loaders.messages.load({
    ...page,
    after: after?.bound ?? null,
    before: before?.bound ?? null,
    parts: bounded,
  });
}

interface Located {
  /** Index of the part that has the position. */
  part: number;
  sessionId: string;
  bound: TapeBound;
}

async function positionIn(
  { loaders }: GraphqlContext,
  sessionId: string,
  parts: readonly ConversationPart[],
  cursor: string,
): Promise<Located> {
  const { runId } = parseCursor(cursor);
  const run = await loaders.run.load(runId);
  const part = parts.findIndex((each) => each.sessionId === run?.sessionId);
  const found = parts[part];
  const isVisible = run && found && (found.upToTurn === null || (run.turn !== null && run.turn <= found.upToTurn));
  if (!isVisible) throw new CursorError(cursor, `belongs to no message of session ${sessionId}`);
  const head = found.cut?.runId === runId ? found.cut.seq : await loaders.head.load(runId);
  return { part, sessionId: run.sessionId, bound: { runId, seq: seqOnTape(cursor, { runId, head }) } };
}
