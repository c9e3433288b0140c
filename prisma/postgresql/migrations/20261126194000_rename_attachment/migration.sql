ALTER TABLE "Attachment" RENAME TO "StoredText";

ALTER TABLE "StoredText" RENAME CONSTRAINT "Attachment_pkey" TO "StoredText_pkey";
ALTER TABLE "StoredText" RENAME CONSTRAINT "Attachment_runId_fkey" TO "StoredText_runId_fkey";
ALTER INDEX "Attachment_runId_idx" RENAME TO "StoredText_runId_idx";
