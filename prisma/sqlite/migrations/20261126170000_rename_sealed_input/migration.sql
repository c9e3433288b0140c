-- The name of the foreign key remains: SQLite cannot rename it, and nothing refers to it.
ALTER TABLE "SealedInput" RENAME TO "EncryptedInput";
ALTER TABLE "EncryptedInput" RENAME COLUMN "sealed" TO "encrypted";

DROP INDEX "SealedInput_runId_idx";
CREATE INDEX "EncryptedInput_runId_idx" ON "EncryptedInput"("runId");
