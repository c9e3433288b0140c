import { z } from 'zod';
import type { ConfigurationIssue } from './configuration-issue.ts';
import * as limits from './limits.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const s3 = z.strictObject({
  bucket: z.string().min(1),
  /** Without it, Amazon's for the region. */
  endpoint: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).optional(),
  region: z.string().min(1).default('us-east-1'),
  /** Begins every key. */
  prefix: z
    .string()
    .regex(/^([\w.-]+\/)*$/, 'must be empty, or folders that each end with a slash, such as "runtape/"')
    .default(''),
  accessKeyIdEnv: z.string().min(1).default('AWS_ACCESS_KEY_ID'),
  secretAccessKeyEnv: z.string().min(1).default('AWS_SECRET_ACCESS_KEY'),
});

/** The part of the configuration file about uploaded files. */
export const attachmentsConfigSchema = z.object({
  attachments: z
    .strictObject({
      /** Of the stored files, or, with `s3`, of uploads that are being received. By default beside the database. */
      folder: z.string().min(1).optional(),
      maxBytes: z.int().positive().max(limits.MAX_ATTACHMENT_BYTES).default(limits.ATTACHMENT_BYTES),
      perMessage: z.int().positive().max(100).default(limits.ATTACHMENTS_PER_MESSAGE),
      perOwner: z.int().positive().default(limits.ATTACHMENTS_PER_OWNER),
      unusedSeconds: z.int().positive().default(limits.UNUSED_ATTACHMENT_SECONDS),
      s3: s3.optional(),
    })
    .prefault({}),
});

export function checkAttachments(
  { attachments }: z.output<typeof attachmentsConfigSchema>,
  environment: Environment,
): ConfigurationIssue[] {
  const { s3: bucket } = attachments;
  if (!bucket) return [];
  return (['accessKeyIdEnv', 'secretAccessKeyEnv'] as const).flatMap((key) => {
    const name = bucket[key];
    if (environment[name]) return [];
    const message = `the environment variable ${name} is not set. Set it, or name another variable`;
    return [{ path: ['attachments', 's3', key], message }];
  });
}
