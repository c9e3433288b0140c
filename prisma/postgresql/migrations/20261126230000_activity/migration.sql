-- CreateEnum
CREATE TYPE "ActivityKind" AS ENUM ('SESSION_CREATED', 'SESSION_UPDATED', 'SESSION_ARCHIVED', 'SESSION_PURGED', 'RUN_CREATED', 'RUN_STATE_CHANGED', 'WAIT_OPENED', 'WAIT_SETTLED');

-- CreateTable
CREATE TABLE "Activity" (
    "position" BIGSERIAL NOT NULL,
    "owner" TEXT NOT NULL,
    "kind" "ActivityKind" NOT NULL,
    "sessionId" TEXT NOT NULL,
    "runId" TEXT,
    "waitId" TEXT,
    "state" "RunState",
    "occurredAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "Activity_pkey" PRIMARY KEY ("position")
);

-- CreateTable
CREATE TABLE "ActivityRetention" (
    "id" INTEGER NOT NULL,
    "prunedUpTo" BIGINT NOT NULL,

    CONSTRAINT "ActivityRetention_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "Activity_owner_position_idx" ON "Activity"("owner", "position");

-- Approvers read the waits of all owners.
CREATE INDEX "Activity_waits" ON "Activity"("position") WHERE "waitId" IS NOT NULL;

INSERT INTO "ActivityRetention" ("id", "prunedUpTo") VALUES (1, 0);
