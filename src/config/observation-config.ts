import { z } from 'zod';
import { urlWithoutCredentials } from './http-url.ts';
import * as limits from './limits.ts';

/** The part of the configuration file about watching the server. */
export const observationConfigSchema = z.object({
  metrics: z
    .strictObject({
      enabled: z.boolean().default(false),
      /** SHA-256 of a token that may read the metrics and nothing else. */
      tokenSha256: z
        .string()
        .regex(
          /^[0-9a-f]{64}$/,
          'must be the SHA-256 of a token, as 64 lower-case hexadecimal digits. `runtape token metrics` prints a token and its SHA-256',
        )
        .optional(),
    })
    .prefault({}),
  tracing: z
    .strictObject({
      /** Of a collector, without the path of the signal. */
      endpoint: urlWithoutCredentials('Set the environment variable OTEL_EXPORTER_OTLP_HEADERS instead').optional(),
      serviceName: z.string().min(1).default('runtape'),
      content: z.boolean().default(false),
    })
    .prefault({}),
  audit: z
    .strictObject({
      retentionDays: z.int().positive().max(limits.MAX_AUDIT_RETENTION_DAYS).default(limits.AUDIT_RETENTION_DAYS),
    })
    .prefault({}),
});
export type ObservationConfig = z.output<typeof observationConfigSchema>;
