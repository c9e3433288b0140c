-- Waits of every kind are in one table. Until now all of them were approvals.
ALTER TYPE "ApprovalStatus" RENAME TO "WaitStatus";
ALTER TYPE "WaitStatus" ADD VALUE 'ANSWERED' BEFORE 'EXPIRED';
ALTER TYPE "WaitStatus" ADD VALUE 'DECLINED' BEFORE 'EXPIRED';
ALTER TYPE "WaitStatus" ADD VALUE 'CANCELLED' BEFORE 'EXPIRED';
ALTER TYPE "WaitStatus" ADD VALUE 'COMPLETED' BEFORE 'EXPIRED';
ALTER TYPE "WaitStatus" ADD VALUE 'FAILED' BEFORE 'EXPIRED';
CREATE TYPE "WaitKind" AS ENUM ('APPROVAL', 'BUDGET', 'QUESTION', 'CLIENT_TOOL');

ALTER TABLE "Approval" RENAME TO "Wait";
ALTER TABLE "Wait" RENAME CONSTRAINT "Approval_pkey" TO "Wait_pkey";
ALTER TABLE "Wait" RENAME CONSTRAINT "Approval_runId_fkey" TO "Wait_runId_fkey";
ALTER INDEX "Approval_runId_status_idx" RENAME TO "Wait_runId_status_idx";
ALTER INDEX "Approval_sessionId_id_idx" RENAME TO "Wait_sessionId_id_idx";
ALTER INDEX "Approval_status_expiresAt_idx" RENAME TO "Wait_status_expiresAt_idx";
ALTER TABLE "Wait" ADD COLUMN "kind" "WaitKind" NOT NULL DEFAULT 'APPROVAL',
ALTER COLUMN "callId" DROP NOT NULL,
ALTER COLUMN "tool" DROP NOT NULL,
ALTER COLUMN "callSeq" DROP NOT NULL;
ALTER TABLE "Wait" ALTER COLUMN "kind" DROP DEFAULT;
CREATE INDEX "Wait_requestedAt_id_idx" ON "Wait"("requestedAt", "id");
