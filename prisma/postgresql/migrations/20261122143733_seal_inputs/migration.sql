-- CreateTable
CREATE TABLE "SealedInput" (
    "callId" TEXT NOT NULL,
    "runId" TEXT NOT NULL,
    "sealed" TEXT NOT NULL,

    CONSTRAINT "SealedInput_pkey" PRIMARY KEY ("callId")
);

-- CreateIndex
CREATE INDEX "SealedInput_runId_idx" ON "SealedInput"("runId");

-- AddForeignKey
ALTER TABLE "SealedInput" ADD CONSTRAINT "SealedInput_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Tape"("runId") ON DELETE CASCADE ON UPDATE CASCADE;
