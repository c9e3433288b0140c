-- CreateTable
CREATE TABLE "PurgedSession" (
    "sessionId" TEXT NOT NULL,
    "purgedAt" TIMESTAMP(3) NOT NULL,
    "signature" TEXT,

    CONSTRAINT "PurgedSession_pkey" PRIMARY KEY ("sessionId")
);
