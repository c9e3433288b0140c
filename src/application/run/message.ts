import { z } from 'zod';
import * as limits from '../../config/limits.ts';
import type { Run } from '../../domain/run.ts';
import { idempotencyKeyField } from '../idempotency.ts';
import { metadataField } from '../metadata.ts';
import { outputSchemaField } from '../output-schema.ts';
import { text } from '../parse-input.ts';
import { clientToolsField } from '../tool-calls/client-tool-declarations.ts';

export const messageSchema = z
  .object({
    sessionId: z.string().nullish(),
    sessionKey: text(limits.SESSION_KEY_BYTES).nullish(),
    text: text(limits.MESSAGE_BYTES),
    agentId: z.string().nullish(),
    model: z.string().nullish(),
    attachmentIds: z.array(z.string()).nullish(),
    outputSchema: outputSchemaField,
    whenBusy: z.enum(['QUEUE', 'REJECT', 'INTERRUPT', 'STEER']).nullish(),
    metadata: metadataField,
    clientTools: clientToolsField,
    idempotencyKey: idempotencyKeyField,
  })
  .refine(({ sessionId, sessionKey }) => (sessionId == null) !== (sessionKey == null), {
    path: ['sessionId'],
    message: 'give either `sessionId` or `sessionKey`',
  })
  .refine(({ outputSchema, whenBusy }) => outputSchema == null || whenBusy !== 'STEER', {
    path: ['outputSchema'],
    message: 'cannot be given with `whenBusy: STEER`: the run that receives the message has its own',
  });

export type SendMessageInput = z.input<typeof messageSchema>;
export type Message = z.output<typeof messageSchema>;

/** Where the message was recorded. */
export interface SentMessage {
  kind: 'sent';
  sessionId: string;
  runId: string;
  seq: number;
  /** False when its idempotency key was used before. */
  created: boolean;
  /** The run with the message; null unless this call recorded it. */
  run: Run | null;
}
