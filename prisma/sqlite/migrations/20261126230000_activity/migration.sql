-- CreateTable
CREATE TABLE "Activity" (
    "position" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "owner" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "sessionId" TEXT NOT NULL,
    "runId" TEXT,
    "waitId" TEXT,
    "state" TEXT,
    "occurredAt" DATETIME NOT NULL
);

-- CreateTable
CREATE TABLE "ActivityRetention" (
    "id" INTEGER NOT NULL PRIMARY KEY,
    "prunedUpTo" INTEGER NOT NULL
);

-- CreateIndex
CREATE INDEX "Activity_owner_position_idx" ON "Activity"("owner", "position");

-- Approvers read the waits of all owners.
CREATE INDEX "Activity_waits" ON "Activity"("position") WHERE "waitId" IS NOT NULL;

INSERT INTO "ActivityRetention" ("id", "prunedUpTo") VALUES (1, 0);
