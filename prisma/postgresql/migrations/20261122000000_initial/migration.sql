-- CreateEnum
CREATE TYPE "RunState" AS ENUM ('PENDING', 'IN_PROGRESS', 'AWAITING_APPROVAL', 'DONE', 'CANCELLED', 'FAILED');

-- CreateEnum
CREATE TYPE "RiskLevel" AS ENUM ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL');

-- CreateEnum
CREATE TYPE "ApprovalStatus" AS ENUM ('PENDING', 'ALLOWED', 'DENIED', 'EXPIRED', 'WITHDRAWN');

-- CreateEnum
CREATE TYPE "ApprovalScope" AS ENUM ('ONCE', 'SESSION', 'TIMEBOXED');

-- CreateEnum
CREATE TYPE "CompactionTrigger" AS ENUM ('MANUAL', 'THRESHOLD', 'OVERFLOW');

-- CreateTable
CREATE TABLE "Session" (
    "id" TEXT NOT NULL,
    "owner" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "title" TEXT,
    "agentId" TEXT,
    "createdAt" TIMESTAMP(3) NOT NULL,
    "activeAt" TIMESTAMP(3) NOT NULL,
    "archivedAt" TIMESTAMP(3),
    "resetTurn" INTEGER NOT NULL DEFAULT 0,
    "parentId" TEXT,
    "branchRunId" TEXT,
    "branchSeq" INTEGER,
    "branchTurn" INTEGER,
    "useCompaction" BOOLEAN NOT NULL DEFAULT true,

    CONSTRAINT "Session_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Agent" (
    "id" TEXT NOT NULL,
    "owner" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "instructions" TEXT NOT NULL,
    "model" TEXT,
    "tools" TEXT,
    "limits" TEXT,
    "version" INTEGER NOT NULL DEFAULT 1,
    "isDefault" BOOLEAN NOT NULL DEFAULT false,
    "createdAt" TIMESTAMP(3) NOT NULL,
    "updatedAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "Agent_pkey" PRIMARY KEY ("id")
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
    "createdAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "AgentVersion_pkey" PRIMARY KEY ("agentId","version")
);

-- CreateTable
CREATE TABLE "CompactionArtifact" (
    "id" TEXT NOT NULL,
    "sessionId" TEXT NOT NULL,
    "runId" TEXT,
    "trigger" "CompactionTrigger" NOT NULL,
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
    "cost" DOUBLE PRECISION,
    "createdAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "CompactionArtifact_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Memory" (
    "id" TEXT NOT NULL,
    "owner" TEXT NOT NULL,
    "sessionId" TEXT,
    "text" TEXT NOT NULL,
    "tags" TEXT NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL,
    "updatedAt" TIMESTAMP(3) NOT NULL,
    "expiresAt" TIMESTAMP(3),

    CONSTRAINT "Memory_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Grant" (
    "id" TEXT NOT NULL,
    "sessionId" TEXT NOT NULL,
    "tool" TEXT NOT NULL,
    "grantedBy" TEXT NOT NULL,
    "grantedAt" TIMESTAMP(3) NOT NULL,
    "expiresAt" TIMESTAMP(3),

    CONSTRAINT "Grant_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Run" (
    "id" TEXT NOT NULL,
    "sessionId" TEXT NOT NULL,
    "state" "RunState" NOT NULL,
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
    "createdAt" TIMESTAMP(3) NOT NULL,
    "startedAt" TIMESTAMP(3),
    "endedAt" TIMESTAMP(3),
    "steps" INTEGER NOT NULL,
    "resumptions" INTEGER NOT NULL,
    "inputTokens" INTEGER NOT NULL,
    "outputTokens" INTEGER NOT NULL,
    "usageEstimated" BOOLEAN NOT NULL,
    "cost" DOUBLE PRECISION,

    CONSTRAINT "Run_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Approval" (
    "id" TEXT NOT NULL,
    "runId" TEXT NOT NULL,
    "sessionId" TEXT NOT NULL,
    "callId" TEXT NOT NULL,
    "tool" TEXT NOT NULL,
    "input" TEXT NOT NULL,
    "editedInput" TEXT,
    "risk" "RiskLevel" NOT NULL,
    "summary" TEXT NOT NULL,
    "status" "ApprovalStatus" NOT NULL,
    "scope" "ApprovalScope",
    "requestedAt" TIMESTAMP(3) NOT NULL,
    "expiresAt" TIMESTAMP(3) NOT NULL,
    "decidedAt" TIMESTAMP(3),
    "decidedBy" TEXT,
    "reason" TEXT,

    CONSTRAINT "Approval_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "IdempotencyKey" (
    "principal" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "digest" TEXT NOT NULL,
    "sessionId" TEXT NOT NULL,
    "runId" TEXT NOT NULL,
    "seq" INTEGER NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "IdempotencyKey_pkey" PRIMARY KEY ("principal","key")
);

-- CreateTable
CREATE TABLE "Tape" (
    "runId" TEXT NOT NULL,
    "sessionId" TEXT NOT NULL,
    "closed" BOOLEAN NOT NULL,

    CONSTRAINT "Tape_pkey" PRIMARY KEY ("runId")
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

    CONSTRAINT "Event_pkey" PRIMARY KEY ("runId","seq")
);

-- CreateTable
CREATE TABLE "Attachment" (
    "id" TEXT NOT NULL,
    "runId" TEXT NOT NULL,
    "content" TEXT NOT NULL,

    CONSTRAINT "Attachment_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Lease" (
    "runId" TEXT NOT NULL,
    "holder" TEXT,
    "epoch" INTEGER NOT NULL,
    "expiresAt" TIMESTAMP(3) NOT NULL,
    "lost" BOOLEAN NOT NULL,

    CONSTRAINT "Lease_pkey" PRIMARY KEY ("runId")
);

-- CreateTable
CREATE TABLE "Purge" (
    "sessionId" TEXT NOT NULL,

    CONSTRAINT "Purge_pkey" PRIMARY KEY ("sessionId")
);

-- CreateTable
CREATE TABLE "Passage" (
    "id" SERIAL NOT NULL,
    "sourceId" TEXT NOT NULL,
    "seq" INTEGER NOT NULL,
    "part" INTEGER NOT NULL,
    "start" INTEGER NOT NULL,
    "sessionId" TEXT,
    "words" TEXT NOT NULL,

    CONSTRAINT "Passage_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Embedding" (
    "memoryId" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "vector" BYTEA NOT NULL,

    CONSTRAINT "Embedding_pkey" PRIMARY KEY ("memoryId")
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

-- AddForeignKey
ALTER TABLE "Session" ADD CONSTRAINT "Session_agentId_fkey" FOREIGN KEY ("agentId") REFERENCES "Agent"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Session" ADD CONSTRAINT "Session_parentId_fkey" FOREIGN KEY ("parentId") REFERENCES "Session"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "CompactionArtifact" ADD CONSTRAINT "CompactionArtifact_sessionId_fkey" FOREIGN KEY ("sessionId") REFERENCES "Session"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Memory" ADD CONSTRAINT "Memory_sessionId_fkey" FOREIGN KEY ("sessionId") REFERENCES "Session"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Embedding" ADD CONSTRAINT "Embedding_memoryId_fkey" FOREIGN KEY ("memoryId") REFERENCES "Memory"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Grant" ADD CONSTRAINT "Grant_sessionId_fkey" FOREIGN KEY ("sessionId") REFERENCES "Session"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Run" ADD CONSTRAINT "Run_sessionId_fkey" FOREIGN KEY ("sessionId") REFERENCES "Session"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Approval" ADD CONSTRAINT "Approval_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Run"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Event" ADD CONSTRAINT "Event_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Tape"("runId") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Attachment" ADD CONSTRAINT "Attachment_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Tape"("runId") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Lease" ADD CONSTRAINT "Lease_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Tape"("runId") ON DELETE CASCADE ON UPDATE CASCADE;

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
-- Looked at once for all rows of a statement, each by its key: no plan may read a whole table, however small it was once.
-- The lease is locked, so that nobody takes it over before these rows are there.
CREATE FUNCTION "tape_check_appended"() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off AS $$
BEGIN
  IF EXISTS (
    SELECT FROM appended WHERE (SELECT "closed" FROM "Tape" WHERE "Tape"."runId" = appended."runId")
  ) THEN
    RAISE EXCEPTION 'tape_closed';
  END IF;
  IF EXISTS (
    SELECT FROM (
      SELECT "runId", min("seq") AS "first", max("seq") - min("seq") + 1 AS "span", count(*) AS "rows"
        FROM appended GROUP BY "runId"
    ) AS piece
    WHERE "span" <> "rows" OR "first" < 1 OR ("first" > 1 AND (
      SELECT "seq" FROM "Event" WHERE "Event"."runId" = piece."runId" AND "Event"."seq" = piece."first" - 1
    ) IS NULL)
  ) THEN
    RAISE EXCEPTION 'tape_seq';
  END IF;
  IF EXISTS (SELECT FROM appended WHERE "epoch" IS NOT NULL) THEN
    PERFORM FROM (SELECT DISTINCT "runId" FROM appended WHERE "epoch" IS NOT NULL ORDER BY "runId") AS held,
      LATERAL (SELECT FROM "Lease" WHERE "Lease"."runId" = held."runId" FOR SHARE) AS locked;
    IF EXISTS (
      SELECT FROM appended WHERE "epoch" IS NOT NULL AND "epoch" IS DISTINCT FROM (
        SELECT "epoch" FROM "Lease" WHERE "Lease"."runId" = appended."runId"
      )
    ) THEN
      RAISE EXCEPTION 'tape_epoch';
    END IF;
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER "Event_appended" AFTER INSERT ON "Event"
REFERENCING NEW TABLE AS appended FOR EACH STATEMENT EXECUTE FUNCTION "tape_check_appended"();

-- What is on a tape stays as it is. Only the purge of its session takes it away.
CREATE FUNCTION "tape_refuse"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'tape_is_append_only';
END $$;

CREATE TRIGGER "Event_unchanged" BEFORE UPDATE OR TRUNCATE ON "Event"
FOR EACH STATEMENT EXECUTE FUNCTION "tape_refuse"();

CREATE FUNCTION "tape_check_deleted"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT FROM (SELECT DISTINCT "runId" FROM deleted) AS gone WHERE NOT EXISTS (
      SELECT FROM "Purge" JOIN "Tape" USING ("sessionId") WHERE "Tape"."runId" = gone."runId"
    )
  ) THEN
    RAISE EXCEPTION 'tape_is_append_only';
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER "Event_kept" AFTER DELETE ON "Event"
REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION "tape_check_deleted"();

CREATE FUNCTION "tape_refuse_opening"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'tape_closed';
END $$;

CREATE TRIGGER "Tape_closed_for_good" BEFORE UPDATE ON "Tape"
FOR EACH ROW WHEN (OLD."closed" AND NOT NEW."closed") EXECUTE FUNCTION "tape_refuse_opening"();

-- Nothing new happens in an archived session. The lock makes whoever archives it at this moment wait, or be waited for.
CREATE FUNCTION "run_check_session"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT "archivedAt" IS NOT NULL FROM "Session" WHERE "id" = NEW."sessionId" FOR SHARE) THEN
    RAISE EXCEPTION 'session_archived';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER "Run_in_open_session" BEFORE INSERT ON "Run"
FOR EACH ROW WHEN (NEW."state" = 'PENDING') EXECUTE FUNCTION "run_check_session"();

-- What a message found when it came must still hold when it is recorded: on one server its commands see to that, on several
-- the session's row is locked until the message is in. Ids order the runs of a session, and clocks differ.
CREATE FUNCTION "session_expect"("session" text, "run" text, "most_waiting" int, "free" boolean) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM "Session" WHERE "id" = "session" FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'session_gone';
  END IF;
  IF EXISTS (SELECT FROM "Run" WHERE "sessionId" = "session" AND "id" >= "run") THEN
    RAISE EXCEPTION 'run_order';
  END IF;
  IF (SELECT count(*) FROM "Run" WHERE "sessionId" = "session" AND "state" = 'PENDING') >= "most_waiting" THEN
    RAISE EXCEPTION 'session_queue_full';
  END IF;
  IF "free" AND EXISTS (
    SELECT FROM "Run" WHERE "sessionId" = "session" AND "state" IN ('PENDING', 'IN_PROGRESS', 'AWAITING_APPROVAL')
  ) THEN
    RAISE EXCEPTION 'session_busy';
  END IF;
END $$;

-- CreateTable
CREATE TABLE "RateUse" (
    "principal" TEXT NOT NULL,
    "minute" INTEGER NOT NULL,
    "points" INTEGER NOT NULL,

    CONSTRAINT "RateUse_pkey" PRIMARY KEY ("principal")
);

-- The full-text index. Words come in their searchable form with blanks between them, so that no dictionary and no parser of
-- Postgres has a say in it, nor the locale of the database.
CREATE TABLE "Passage_words" (
  "id" INTEGER PRIMARY KEY REFERENCES "Passage" ("id") ON DELETE CASCADE,
  "vector" tsvector NOT NULL
);

CREATE INDEX "Passage_words_vector" ON "Passage_words" USING gin ("vector");

CREATE FUNCTION "passage_vector"("words" text) RETURNS tsvector LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(string_agg(format('%L:%s', "word", "place"), ' '), '')::tsvector
  FROM unnest(string_to_array("words", ' ')) WITH ORDINALITY AS listed("word", "place")
$$;

CREATE FUNCTION "passage_index"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "Passage_words" ("id", "vector") SELECT "id", "passage_vector"("words") FROM written
  ON CONFLICT ("id") DO UPDATE SET "vector" = excluded."vector";
  RETURN NULL;
END $$;

CREATE TRIGGER "Passage_added" AFTER INSERT ON "Passage"
REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION "passage_index"();

CREATE TRIGGER "Passage_changed" AFTER UPDATE ON "Passage"
REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION "passage_index"();
