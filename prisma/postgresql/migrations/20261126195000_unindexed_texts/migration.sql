-- CreateTable
CREATE TABLE "UnindexedText" (
    "runId" TEXT NOT NULL,
    "seq" INTEGER NOT NULL,

    CONSTRAINT "UnindexedText_pkey" PRIMARY KEY ("runId","seq")
);

-- AddForeignKey
ALTER TABLE "UnindexedText" ADD CONSTRAINT "UnindexedText_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Tape"("runId") ON DELETE CASCADE ON UPDATE CASCADE;
