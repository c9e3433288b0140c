import * as limits from '../../config/limits.ts';
import { attachmentKindOf, canRead } from '../../domain/attachment.ts';
import type { AttachmentKind, AttachmentRef } from '../../domain/events.ts';
import { invalidInput, limitExceeded, type Refusal } from '../../domain/refusal.ts';
import { agentInForce } from '../../repositories/agents.ts';
import { type AttachmentRow, attachmentsByIds } from '../../repositories/attachments.ts';
import type { CommandContext, Viewer } from '../command-context.ts';

export type MessageAttachments = { kind: 'attachments'; attachments: AttachmentRef[] };

const none: MessageAttachments = { kind: 'attachments', attachments: [] };

interface AttachingMessage {
  attachmentIds?: readonly string[] | null | undefined;
  /** The model that answers. Called only if there are attachments. */
  model(): Promise<string>;
}

/** The attachments of a message, or why it cannot have them. Those of other principals do not exist. */
export async function messageAttachments(
  context: CommandContext,
  { principal }: Viewer,
  { attachmentIds, model }: AttachingMessage,
): Promise<MessageAttachments | Refusal> {
  if (attachmentIds == null || attachmentIds.length === 0) return none;
  const { perMessage } = context.settings.attachments;
  if (attachmentIds.length > perMessage) {
    const message = `The message has ${attachmentIds.length} attachments; at most ${perMessage} are allowed.`;
    return limitExceeded('attachmentsPerMessage', message);
  }
  const rows = new Map(
    (await attachmentsByIds(context.database, principal, attachmentIds)).map((row) => [row.id, row]),
  );
  const attachments: AttachmentRow[] = [];
  for (const [index, id] of attachmentIds.entries()) {
    const path = ['attachmentIds', String(index)];
    const row = rows.get(id);
    if (!row) return invalidInput(path, `There is no attachment ${id}. It may have expired: upload the file again.`);
    if (attachments.includes(row)) return invalidInput(path, `The attachment ${id} is given twice.`);
    attachments.push(row);
  }
  return (
    unreadable(context, await model(), attachments) ?? { kind: 'attachments', attachments: attachments.map(refOf) }
  );
}

const refOf = ({ id, name, mediaType, bytes, sha256 }: AttachmentRow): AttachmentRef => ({
  id,
  name,
  mediaType,
  bytes,
  sha256,
});

/** Why the model cannot be shown the attachments; null if it can. */
function unreadable(
  { settings }: CommandContext,
  model: string,
  attachments: readonly AttachmentRow[],
): Refusal | null {
  const kinds = settings.attachmentKinds(model);
  for (const [index, attachment] of attachments.entries()) {
    if (canRead(kinds, attachment)) continue;
    const { name, mediaType } = attachment;
    const message = `The model "${model}" cannot read "${name}", which is ${mediaType}. ${adviceOn(kinds, attachment)}`;
    return invalidInput(['attachmentIds', String(index)], message);
  }
  const shown = attachments.filter(({ mediaType }) => attachmentKindOf(mediaType) !== 'text');
  const bytes = shown.reduce((sum, attachment) => sum + attachment.bytes, 0);
  if (bytes <= limits.MODEL_ATTACHMENT_BYTES) return null;
  const message = `The images and PDF files of the message have ${bytes} bytes together; a model can be shown ${limits.MODEL_ATTACHMENT_BYTES}.`;
  return limitExceeded('modelAttachmentBytes', message);
}

function adviceOn(kinds: readonly AttachmentKind[], { mediaType }: AttachmentRow): string {
  const readable = ['text', ...kinds.filter((kind) => kind !== 'text')].join(', ');
  const kind = attachmentKindOf(mediaType);
  return kind === null
    ? `It reads ${readable}.`
    : `It reads ${readable}. Choose another model, or add "${kind}" to its "attachments" in the configuration if it can.`;
}

/** The model of a run that is about to begin. */
export async function modelOfNewRun(
  { database, settings }: CommandContext,
  { principal }: Viewer,
  { model, agentId }: { model?: string | null | undefined; agentId: string | null },
): Promise<string> {
  if (model != null) return model;
  const agent = await agentInForce(database, principal, agentId);
  return agent?.model ?? settings.defaultModel;
}
