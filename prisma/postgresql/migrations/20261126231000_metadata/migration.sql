ALTER TABLE "Session" ADD COLUMN     "metadata" TEXT;
ALTER TABLE "Run" ADD COLUMN     "metadata" TEXT;

-- CreateTable
CREATE TABLE "SessionMetadata" (
    "sessionId" TEXT NOT NULL,
    "digest" TEXT NOT NULL,
    "owner" TEXT NOT NULL,

    CONSTRAINT "SessionMetadata_pkey" PRIMARY KEY ("sessionId","digest")
);

-- CreateTable
CREATE TABLE "RunMetadata" (
    "runId" TEXT NOT NULL,
    "digest" TEXT NOT NULL,
    "owner" TEXT NOT NULL,

    CONSTRAINT "RunMetadata_pkey" PRIMARY KEY ("runId","digest")
);

-- CreateIndex
CREATE INDEX "SessionMetadata_owner_digest_sessionId_idx" ON "SessionMetadata"("owner", "digest", "sessionId");

-- CreateIndex
CREATE INDEX "RunMetadata_owner_digest_runId_idx" ON "RunMetadata"("owner", "digest", "runId");

-- AddForeignKey
ALTER TABLE "SessionMetadata" ADD CONSTRAINT "SessionMetadata_sessionId_fkey" FOREIGN KEY ("sessionId") REFERENCES "Session"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "RunMetadata" ADD CONSTRAINT "RunMetadata_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Run"("id") ON DELETE CASCADE ON UPDATE CASCADE;
