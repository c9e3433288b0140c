-- AlterTable
ALTER TABLE "Grant" ADD COLUMN "definitionHash" TEXT;
ALTER TABLE "Grant" ADD COLUMN "target" TEXT;
CREATE INDEX "Grant_tool_definitionHash_idx" ON "Grant"("tool", "definitionHash");

-- CreateTable
CREATE TABLE "ToolDefinition" (
    "tool" TEXT NOT NULL PRIMARY KEY,
    "source" TEXT NOT NULL,
    "hash" TEXT NOT NULL,
    "definition" TEXT NOT NULL,
    "acceptedAt" DATETIME NOT NULL,
    "acceptedBy" TEXT
);

-- RedefineTables
PRAGMA defer_foreign_keys=ON;
PRAGMA foreign_keys=OFF;
CREATE TABLE "new_Approval" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "runId" TEXT NOT NULL,
    "sessionId" TEXT NOT NULL,
    "callId" TEXT NOT NULL,
    "tool" TEXT NOT NULL,
    "callSeq" INTEGER NOT NULL,
    "requestSeq" INTEGER NOT NULL,
    "definitionHash" TEXT,
    "editedInput" TEXT,
    "status" TEXT NOT NULL,
    "scope" TEXT,
    "grantId" TEXT,
    "requestedAt" DATETIME NOT NULL,
    "expiresAt" DATETIME NOT NULL,
    "decidedAt" DATETIME,
    "decidedBy" TEXT,
    "reason" TEXT,
    CONSTRAINT "Approval_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Run" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);
-- The call, its risk and its summary are read from the tape, so the row only says where they are.
INSERT INTO "new_Approval" ("id", "runId", "sessionId", "callId", "tool", "callSeq", "requestSeq", "definitionHash", "editedInput", "status", "scope", "grantId", "requestedAt", "expiresAt", "decidedAt", "decidedBy", "reason")
    SELECT "id", "runId", "sessionId", "callId", "tool",
        coalesce((SELECT "seq" FROM "Event" WHERE "Event"."runId" = "Approval"."runId" AND "type" = 'tool_call'
            AND "payload" ->> 'callId' = "Approval"."callId"), 0),
        coalesce((SELECT "seq" FROM "Event" WHERE "Event"."runId" = "Approval"."runId" AND "type" = 'approval_request'
            AND "payload" ->> 'approvalId' = "Approval"."id"), 0),
        NULL, "editedInput", "status", "scope",
        (SELECT "payload" ->> 'grantId' FROM "Event" WHERE "Event"."runId" = "Approval"."runId" AND "type" = 'approval_decision'
            AND "payload" ->> 'approvalId' = "Approval"."id"),
        "requestedAt", "expiresAt", "decidedAt", "decidedBy", "reason"
    FROM "Approval";
DROP TABLE "Approval";
ALTER TABLE "new_Approval" RENAME TO "Approval";
CREATE INDEX "Approval_runId_status_idx" ON "Approval"("runId", "status");
CREATE INDEX "Approval_sessionId_id_idx" ON "Approval"("sessionId", "id");
CREATE INDEX "Approval_status_expiresAt_idx" ON "Approval"("status", "expiresAt");
PRAGMA foreign_keys=ON;
PRAGMA defer_foreign_keys=OFF;

-- CreateIndex
CREATE INDEX "ToolDefinition_source_idx" ON "ToolDefinition"("source");
