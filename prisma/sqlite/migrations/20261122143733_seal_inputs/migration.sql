-- CreateTable
CREATE TABLE "SealedInput" (
    "callId" TEXT NOT NULL PRIMARY KEY,
    "runId" TEXT NOT NULL,
    "sealed" TEXT NOT NULL,
    CONSTRAINT "SealedInput_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Tape" ("runId") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateIndex
CREATE INDEX "SealedInput_runId_idx" ON "SealedInput"("runId");
