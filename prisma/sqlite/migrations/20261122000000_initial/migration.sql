-- CreateTable
CREATE TABLE "Session" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "owner" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "title" TEXT,
    "agentId" TEXT,
    "createdAt" DATETIME NOT NULL,
    "activeAt" DATETIME NOT NULL,
    "archivedAt" DATETIME,
    "resetTurn" INTEGER NOT NULL DEFAULT 0,
    "parentId" TEXT,
    "branchRunId" TEXT,
    "branchSeq" INTEGER,
    "branchTurn" INTEGER,
    "useCompaction" BOOLEAN NOT NULL DEFAULT true,
    CONSTRAINT "Session_agentId_fkey" FOREIGN KEY ("agentId") REFERENCES "Agent" ("id") ON DELETE SET NULL ON UPDATE CASCADE,
    CONSTRAINT "Session_parentId_fkey" FOREIGN KEY ("parentId") REFERENCES "Session" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Agent" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "owner" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "instructions" TEXT NOT NULL,
    "model" TEXT,
    "tools" TEXT,
    "limits" TEXT,
    "version" INTEGER NOT NULL DEFAULT 1,
    "isDefault" BOOLEAN NOT NULL DEFAULT false,
    "createdAt" DATETIME NOT NULL,
    "updatedAt" DATETIME NOT NULL
);

-- CreateTable
CREATE TABLE "AgentVersion" (
    "agentId" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "owner" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "instructions" TEXT NOT NULL,
    "model" TEXT,
    "tools" TEXT,
    "limits" TEXT,
    "createdAt" DATETIME NOT NULL,

    PRIMARY KEY ("agentId", "version")
);

-- CreateTable
CREATE TABLE "CompactionArtifact" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "sessionId" TEXT NOT NULL,
    "runId" TEXT,
    "trigger" TEXT NOT NULL,
    "summary" TEXT NOT NULL,
    "fromRunId" TEXT NOT NULL,
    "fromSeq" INTEGER NOT NULL,
    "fromTurn" INTEGER NOT NULL,
    "toRunId" TEXT NOT NULL,
    "toSeq" INTEGER NOT NULL,
    "toTurn" INTEGER NOT NULL,
    "eventCount" INTEGER NOT NULL,
    "tokensBefore" INTEGER NOT NULL,
    "tokensAfter" INTEGER NOT NULL,
    "previousId" TEXT,
    "model" TEXT NOT NULL,
    "inputTokens" INTEGER NOT NULL,
    "outputTokens" INTEGER NOT NULL,
    "usageEstimated" BOOLEAN NOT NULL,
    "cost" REAL,
    "createdAt" DATETIME NOT NULL,
    CONSTRAINT "CompactionArtifact_sessionId_fkey" FOREIGN KEY ("sessionId") REFERENCES "Session" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Memory" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "owner" TEXT NOT NULL,
    "sessionId" TEXT,
    "text" TEXT NOT NULL,
    "tags" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL,
    "updatedAt" DATETIME NOT NULL,
    "expiresAt" DATETIME,
    CONSTRAINT "Memory_sessionId_fkey" FOREIGN KEY ("sessionId") REFERENCES "Session" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Grant" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "sessionId" TEXT NOT NULL,
    "tool" TEXT NOT NULL,
    "grantedBy" TEXT NOT NULL,
    "grantedAt" DATETIME NOT NULL,
    "expiresAt" DATETIME,
    CONSTRAINT "Grant_sessionId_fkey" FOREIGN KEY ("sessionId") REFERENCES "Session" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Run" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "sessionId" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "turn" INTEGER,
    "urgent" BOOLEAN NOT NULL,
    "input" TEXT NOT NULL,
    "output" TEXT,
    "errorCode" TEXT,
    "errorMessage" TEXT,
    "errorRetryable" BOOLEAN,
    "cancelReason" TEXT,
    "agentId" TEXT,
    "agentVersion" INTEGER,
    "model" TEXT,
    "retryOf" TEXT,
    "createdAt" DATETIME NOT NULL,
    "startedAt" DATETIME,
    "endedAt" DATETIME,
    "steps" INTEGER NOT NULL,
    "resumptions" INTEGER NOT NULL,
    "inputTokens" INTEGER NOT NULL,
    "outputTokens" INTEGER NOT NULL,
    "usageEstimated" BOOLEAN NOT NULL,
    "cost" REAL,
    CONSTRAINT "Run_sessionId_fkey" FOREIGN KEY ("sessionId") REFERENCES "Session" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Approval" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "runId" TEXT NOT NULL,
    "sessionId" TEXT NOT NULL,
    "callId" TEXT NOT NULL,
    "tool" TEXT NOT NULL,
    "input" TEXT NOT NULL,
    "editedInput" TEXT,
    "risk" TEXT NOT NULL,
    "summary" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "scope" TEXT,
    "requestedAt" DATETIME NOT NULL,
    "expiresAt" DATETIME NOT NULL,
    "decidedAt" DATETIME,
    "decidedBy" TEXT,
    "reason" TEXT,
    CONSTRAINT "Approval_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Run" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "IdempotencyKey" (
    "principal" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "digest" TEXT NOT NULL,
    "sessionId" TEXT NOT NULL,
    "runId" TEXT NOT NULL,
    "seq" INTEGER NOT NULL,
    "createdAt" DATETIME NOT NULL,

    PRIMARY KEY ("principal", "key")
);

-- CreateTable
CREATE TABLE "Tape" (
    "runId" TEXT NOT NULL PRIMARY KEY,
    "sessionId" TEXT NOT NULL,
    "closed" BOOLEAN NOT NULL
);

-- CreateTable
CREATE TABLE "Event" (
    "runId" TEXT NOT NULL,
    "seq" INTEGER NOT NULL,
    "type" TEXT NOT NULL,
    "actor" TEXT NOT NULL,
    "schemaVersion" INTEGER NOT NULL,
    "recordedAt" BIGINT NOT NULL,
    "epoch" INTEGER,
    "payload" TEXT NOT NULL,
    "hash" TEXT NOT NULL,

    PRIMARY KEY ("runId", "seq"),
    CONSTRAINT "Event_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Tape" ("runId") ON DELETE RESTRICT ON UPDATE CASCADE
) WITHOUT ROWID;

-- CreateTable
CREATE TABLE "Attachment" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "runId" TEXT NOT NULL,
    "content" TEXT NOT NULL,
    CONSTRAINT "Attachment_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Tape" ("runId") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Lease" (
    "runId" TEXT NOT NULL PRIMARY KEY,
    "holder" TEXT,
    "epoch" INTEGER NOT NULL,
    "expiresAt" DATETIME NOT NULL,
    "lost" BOOLEAN NOT NULL,
    CONSTRAINT "Lease_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Tape" ("runId") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Purge" (
    "sessionId" TEXT NOT NULL PRIMARY KEY
);

-- CreateTable
CREATE TABLE "Passage" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "sourceId" TEXT NOT NULL,
    "seq" INTEGER NOT NULL,
    "part" INTEGER NOT NULL,
    "start" INTEGER NOT NULL,
    "sessionId" TEXT,
    "words" TEXT NOT NULL
);

-- CreateTable
CREATE TABLE "Embedding" (
    "memoryId" TEXT NOT NULL PRIMARY KEY,
    "model" TEXT NOT NULL,
    "vector" BLOB NOT NULL,
    CONSTRAINT "Embedding_memoryId_fkey" FOREIGN KEY ("memoryId") REFERENCES "Memory" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateIndex
CREATE INDEX "Session_owner_id_idx" ON "Session"("owner", "id");

-- CreateIndex
CREATE INDEX "Session_owner_activeAt_id_idx" ON "Session"("owner", "activeAt", "id");

-- CreateIndex
CREATE INDEX "Session_parentId_id_idx" ON "Session"("parentId", "id");

-- CreateIndex
CREATE INDEX "Session_agentId_idx" ON "Session"("agentId");

-- CreateIndex
CREATE UNIQUE INDEX "Agent_owner_name_key" ON "Agent"("owner", "name");

-- CreateIndex
CREATE INDEX "CompactionArtifact_sessionId_id_idx" ON "CompactionArtifact"("sessionId", "id");

-- CreateIndex
CREATE INDEX "CompactionArtifact_sessionId_toTurn_toSeq_idx" ON "CompactionArtifact"("sessionId", "toTurn", "toSeq");

-- CreateIndex
CREATE INDEX "Memory_owner_id_idx" ON "Memory"("owner", "id");

-- CreateIndex
CREATE INDEX "Memory_sessionId_idx" ON "Memory"("sessionId");

-- CreateIndex
CREATE INDEX "Memory_expiresAt_idx" ON "Memory"("expiresAt");

-- CreateIndex
CREATE INDEX "Grant_sessionId_tool_idx" ON "Grant"("sessionId", "tool");

-- CreateIndex
CREATE INDEX "Run_sessionId_id_idx" ON "Run"("sessionId", "id");

-- CreateIndex
CREATE INDEX "Run_sessionId_endedAt_idx" ON "Run"("sessionId", "endedAt");

-- CreateIndex
CREATE INDEX "Run_state_id_idx" ON "Run"("state", "id");

-- CreateIndex
CREATE UNIQUE INDEX "Run_sessionId_turn_key" ON "Run"("sessionId", "turn");

-- CreateIndex
CREATE INDEX "Approval_runId_status_idx" ON "Approval"("runId", "status");

-- CreateIndex
CREATE INDEX "Approval_sessionId_id_idx" ON "Approval"("sessionId", "id");

-- CreateIndex
CREATE INDEX "Approval_status_expiresAt_idx" ON "Approval"("status", "expiresAt");

-- CreateIndex
CREATE INDEX "IdempotencyKey_createdAt_idx" ON "IdempotencyKey"("createdAt");

-- CreateIndex
CREATE INDEX "IdempotencyKey_sessionId_idx" ON "IdempotencyKey"("sessionId");

-- CreateIndex
CREATE INDEX "Tape_sessionId_idx" ON "Tape"("sessionId");

-- CreateIndex
CREATE INDEX "Attachment_runId_idx" ON "Attachment"("runId");

-- CreateIndex
CREATE INDEX "Lease_holder_idx" ON "Lease"("holder");

-- CreateIndex
CREATE UNIQUE INDEX "Passage_sourceId_seq_part_key" ON "Passage"("sourceId", "seq", "part");

-- CreateIndex
CREATE INDEX "Passage_sessionId_idx" ON "Passage"("sessionId");

-- CreateIndex
CREATE INDEX "Embedding_model_idx" ON "Embedding"("model");

-- A key is taken among the sessions that are not archived.
CREATE UNIQUE INDEX "Session_key_open" ON "Session"("owner", "key") WHERE "archivedAt" IS NULL;

-- An owner has one default agent at the most.
CREATE UNIQUE INDEX "Agent_default" ON "Agent"("owner") WHERE "isDefault" = true;

-- A session has one run in progress or awaiting approval at the most.
CREATE UNIQUE INDEX "Run_active" ON "Run"("sessionId") WHERE "state" IN ('IN_PROGRESS', 'AWAITING_APPROVAL');

-- Runs that wait or work, of each session in the order in which they come up.
CREATE INDEX "Run_open" ON "Run"("sessionId", "urgent" DESC, "id") WHERE "state" IN ('PENDING', 'IN_PROGRESS', 'AWAITING_APPROVAL');

-- Runs to be claimed, oldest first. As small as the work there is, however many runs have ended.
CREATE INDEX "Run_waiting" ON "Run"("id") WHERE "state" = 'PENDING';
CREATE INDEX "Run_begun" ON "Run"("id") WHERE "state" = 'IN_PROGRESS';

-- A tape is dense from 1, is not continued once it is closed, and takes an executor's events under the newest lease only.
CREATE TRIGGER "Event_dense" BEFORE INSERT ON "Event"
WHEN NEW."seq" <> (SELECT coalesce(max("seq"), 0) + 1 FROM "Event" WHERE "runId" = NEW."runId")
BEGIN SELECT RAISE(ABORT, 'tape_seq'); END;

CREATE TRIGGER "Event_open" BEFORE INSERT ON "Event"
WHEN (SELECT "closed" FROM "Tape" WHERE "runId" = NEW."runId")
BEGIN SELECT RAISE(ABORT, 'tape_closed'); END;

CREATE TRIGGER "Event_epoch" BEFORE INSERT ON "Event"
WHEN NEW."epoch" IS NOT NULL AND NEW."epoch" IS NOT (SELECT "epoch" FROM "Lease" WHERE "runId" = NEW."runId")
BEGIN SELECT RAISE(ABORT, 'tape_epoch'); END;

-- What is on a tape stays as it is. Only the purge of its session takes it away.
CREATE TRIGGER "Event_unchanged" BEFORE UPDATE ON "Event"
BEGIN SELECT RAISE(ABORT, 'tape_is_append_only'); END;

CREATE TRIGGER "Event_kept" BEFORE DELETE ON "Event"
WHEN NOT EXISTS (
  SELECT 1 FROM "Purge" JOIN "Tape" ON "Tape"."sessionId" = "Purge"."sessionId" WHERE "Tape"."runId" = OLD."runId"
)
BEGIN SELECT RAISE(ABORT, 'tape_is_append_only'); END;

CREATE TRIGGER "Tape_closed_for_good" BEFORE UPDATE ON "Tape"
WHEN OLD."closed" AND NOT NEW."closed"
BEGIN SELECT RAISE(ABORT, 'tape_closed'); END;

-- Nothing new happens in an archived session.
CREATE TRIGGER "Run_in_open_session" BEFORE INSERT ON "Run"
WHEN NEW."state" = 'PENDING' AND (SELECT "archivedAt" FROM "Session" WHERE "id" = NEW."sessionId") IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'session_archived'); END;

-- CreateTable
CREATE TABLE "RateUse" (
    "principal" TEXT NOT NULL PRIMARY KEY,
    "minute" INTEGER NOT NULL,
    "points" INTEGER NOT NULL
);

-- The full-text index. Words come in their searchable form with blanks between them: the tokenizer only has to split there.
CREATE VIRTUAL TABLE "Passage_words" USING fts5("words", content = 'Passage', content_rowid = 'id', tokenize = 'ascii');

-- What is deleted leaves no trace in the index.
INSERT INTO "Passage_words" ("Passage_words", "rank") VALUES ('secure-delete', 1);

CREATE TRIGGER "Passage_added" AFTER INSERT ON "Passage"
BEGIN INSERT INTO "Passage_words" ("rowid", "words") VALUES (NEW."id", NEW."words"); END;

CREATE TRIGGER "Passage_removed" AFTER DELETE ON "Passage"
BEGIN INSERT INTO "Passage_words" ("Passage_words", "rowid", "words") VALUES ('delete', OLD."id", OLD."words"); END;

CREATE TRIGGER "Passage_changed" AFTER UPDATE ON "Passage"
BEGIN
  INSERT INTO "Passage_words" ("Passage_words", "rowid", "words") VALUES ('delete', OLD."id", OLD."words");
  INSERT INTO "Passage_words" ("rowid", "words") VALUES (NEW."id", NEW."words");
END;
