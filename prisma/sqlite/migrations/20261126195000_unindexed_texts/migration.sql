-- CreateTable
CREATE TABLE "UnindexedText" (
    "runId" TEXT NOT NULL,
    "seq" INTEGER NOT NULL,

    PRIMARY KEY ("runId", "seq"),
    CONSTRAINT "UnindexedText_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Tape" ("runId") ON DELETE CASCADE ON UPDATE CASCADE
) WITHOUT ROWID;
