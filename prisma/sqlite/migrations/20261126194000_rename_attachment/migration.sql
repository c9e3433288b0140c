-- The name of the foreign key remains: SQLite cannot rename it, and nothing refers to it.
ALTER TABLE "Attachment" RENAME TO "StoredText";

DROP INDEX "Attachment_runId_idx";
CREATE INDEX "StoredText_runId_idx" ON "StoredText"("runId");
