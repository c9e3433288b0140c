ALTER TABLE "SealedInput" RENAME TO "EncryptedInput";
ALTER TABLE "EncryptedInput" RENAME COLUMN "sealed" TO "encrypted";

ALTER TABLE "EncryptedInput" RENAME CONSTRAINT "SealedInput_pkey" TO "EncryptedInput_pkey";
ALTER TABLE "EncryptedInput" RENAME CONSTRAINT "SealedInput_runId_fkey" TO "EncryptedInput_runId_fkey";
ALTER INDEX "SealedInput_runId_idx" RENAME TO "EncryptedInput_runId_idx";
