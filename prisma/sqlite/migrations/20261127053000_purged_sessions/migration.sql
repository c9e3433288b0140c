-- CreateTable
CREATE TABLE "PurgedSession" (
    "sessionId" TEXT NOT NULL PRIMARY KEY,
    "purgedAt" DATETIME NOT NULL,
    "signature" TEXT
);
