ALTER TABLE "Session" ADD COLUMN "metadata" TEXT;
ALTER TABLE "Run" ADD COLUMN "metadata" TEXT;

-- CreateTable
CREATE TABLE "SessionMetadata" (
    "sessionId" TEXT NOT NULL,
    "digest" TEXT NOT NULL,
    "owner" TEXT NOT NULL,

    PRIMARY KEY ("sessionId", "digest"),
    CONSTRAINT "SessionMetadata_sessionId_fkey" FOREIGN KEY ("sessionId") REFERENCES "Session" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "RunMetadata" (
    "runId" TEXT NOT NULL,
    "digest" TEXT NOT NULL,
    "owner" TEXT NOT NULL,

    PRIMARY KEY ("runId", "digest"),
    CONSTRAINT "RunMetadata_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Run" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateIndex
CREATE INDEX "SessionMetadata_owner_digest_sessionId_idx" ON "SessionMetadata"("owner", "digest", "sessionId");

-- CreateIndex
CREATE INDEX "RunMetadata_owner_digest_runId_idx" ON "RunMetadata"("owner", "digest", "runId");
