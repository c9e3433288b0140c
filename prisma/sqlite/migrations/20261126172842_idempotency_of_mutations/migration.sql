-- RedefineTables
PRAGMA defer_foreign_keys=ON;
PRAGMA foreign_keys=OFF;
CREATE TABLE "new_IdempotencyKey" (
    "principal" TEXT NOT NULL,
    "mutation" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "digest" TEXT NOT NULL,
    "resultId" TEXT NOT NULL,
    "sessionId" TEXT,
    "seq" INTEGER,
    "createdAt" DATETIME NOT NULL,

    PRIMARY KEY ("principal", "mutation", "key")
);
INSERT INTO "new_IdempotencyKey" ("principal", "mutation", "key", "digest", "resultId", "sessionId", "seq", "createdAt")
    SELECT "principal", 'sendMessage', "key", "digest", "runId", "sessionId", "seq", "createdAt" FROM "IdempotencyKey";
DROP TABLE "IdempotencyKey";
ALTER TABLE "new_IdempotencyKey" RENAME TO "IdempotencyKey";
CREATE INDEX "IdempotencyKey_createdAt_idx" ON "IdempotencyKey"("createdAt");
CREATE INDEX "IdempotencyKey_sessionId_idx" ON "IdempotencyKey"("sessionId");
PRAGMA foreign_keys=ON;
PRAGMA defer_foreign_keys=OFF;
