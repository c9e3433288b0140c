import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { AttachmentLimits, CommandContext } from '../src/application/command-context.ts';
import type { BlobStore } from '../src/attachments/blob-store.ts';
import type { Uploads } from '../src/attachments/uploads.ts';

/** Limits that no test reaches by accident. */
export const attachmentLimits: AttachmentLimits = {
  maxBytes: 1_000_000,
  perMessage: 16,
  perOwner: 1000,
  unusedSeconds: 86_400,
};

/** For servers of tests without uploads. */
export const noUploads: Uploads = {
  receive: (stream) => text(stream).then(() => Promise.reject(new Error('This test receives no uploads.'))),
  discard: async () => undefined,
  removeLeftovers: async () => undefined,
};

/** Keeps blobs in memory. Files are given as their content. */
export function createMemoryBlobs(contents: Map<string, Buffer> = new Map()): BlobStore {
  return {
    put: async () => undefined,
    read: async (key) => {
      const content = contents.get(key);
      return content === undefined ? null : Readable.from([content]);
    },
    remove: async (key) => void contents.delete(key),
  };
}

export const enoughSpace: CommandContext['diskSpace'] = { check: () => undefined, problem: () => null };

export const noQuotas: CommandContext['quotas'] = {
  limitsOf: () => ({ maxStoredBytes: null, maxSessions: null, maxMemories: null }),
  check: async () => null,
  sessionRows: () => [],
};
