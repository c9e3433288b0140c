-- Waits of every kind are in one table. Until now all of them were approvals.
CREATE TABLE "Wait" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "kind" TEXT NOT NULL,
    "runId" TEXT NOT NULL,
    "sessionId" TEXT NOT NULL,
    "requestSeq" INTEGER NOT NULL,
    "status" TEXT NOT NULL,
    "requestedAt" DATETIME NOT NULL,
    "expiresAt" DATETIME NOT NULL,
    "decidedAt" DATETIME,
    "decidedBy" TEXT,
    "reason" TEXT,
    "callId" TEXT,
    "tool" TEXT,
    "callSeq" INTEGER,
    "definitionHash" TEXT,
    "editedInput" TEXT,
    "scope" TEXT,
    "grantId" TEXT,
    CONSTRAINT "Wait_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Run" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);
INSERT INTO "Wait" ("id", "kind", "runId", "sessionId", "requestSeq", "status", "requestedAt", "expiresAt", "decidedAt", "decidedBy", "reason", "callId", "tool", "callSeq", "definitionHash", "editedInput", "scope", "grantId")
    SELECT "id", 'APPROVAL', "runId", "sessionId", "requestSeq", "status", "requestedAt", "expiresAt", "decidedAt", "decidedBy", "reason", "callId", "tool", "callSeq", "definitionHash", "editedInput", "scope", "grantId"
    FROM "Approval";
DROP TABLE "Approval";
CREATE INDEX "Wait_runId_status_idx" ON "Wait"("runId", "status");
CREATE INDEX "Wait_sessionId_id_idx" ON "Wait"("sessionId", "id");
CREATE INDEX "Wait_status_expiresAt_idx" ON "Wait"("status", "expiresAt");
CREATE INDEX "Wait_requestedAt_id_idx" ON "Wait"("requestedAt", "id");
