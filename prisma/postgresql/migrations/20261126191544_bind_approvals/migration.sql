-- The call, its risk and its summary are read from the tape, so the row only says where they are.
ALTER TABLE "Approval" DROP COLUMN "input",
DROP COLUMN "risk",
DROP COLUMN "summary",
ADD COLUMN     "callSeq" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "definitionHash" TEXT,
ADD COLUMN     "grantId" TEXT,
ADD COLUMN     "requestSeq" INTEGER NOT NULL DEFAULT 0;

UPDATE "Approval" SET
    "callSeq" = coalesce((SELECT "seq" FROM "Event" WHERE "Event"."runId" = "Approval"."runId" AND "type" = 'tool_call'
        AND "payload"::jsonb ->> 'callId' = "Approval"."callId"), 0),
    "requestSeq" = coalesce((SELECT "seq" FROM "Event" WHERE "Event"."runId" = "Approval"."runId" AND "type" = 'approval_request'
        AND "payload"::jsonb ->> 'approvalId' = "Approval"."id"), 0),
    "grantId" = (SELECT "payload"::jsonb ->> 'grantId' FROM "Event" WHERE "Event"."runId" = "Approval"."runId"
        AND "type" = 'approval_decision' AND "payload"::jsonb ->> 'approvalId' = "Approval"."id");

ALTER TABLE "Approval" ALTER COLUMN "callSeq" DROP DEFAULT,
ALTER COLUMN "requestSeq" DROP DEFAULT;

-- AlterTable
ALTER TABLE "Grant" ADD COLUMN     "definitionHash" TEXT,
ADD COLUMN     "target" TEXT;
CREATE INDEX "Grant_tool_definitionHash_idx" ON "Grant"("tool", "definitionHash");

-- DropEnum
DROP TYPE "RiskLevel";

-- CreateTable
CREATE TABLE "ToolDefinition" (
    "tool" TEXT NOT NULL,
    "source" TEXT NOT NULL,
    "hash" TEXT NOT NULL,
    "definition" TEXT NOT NULL,
    "acceptedAt" TIMESTAMP(3) NOT NULL,
    "acceptedBy" TEXT,

    CONSTRAINT "ToolDefinition_pkey" PRIMARY KEY ("tool")
);

-- CreateIndex
CREATE INDEX "ToolDefinition_source_idx" ON "ToolDefinition"("source");
