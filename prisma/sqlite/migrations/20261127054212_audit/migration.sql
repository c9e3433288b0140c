-- CreateTable
CREATE TABLE "AuditEntry" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "at" DATETIME NOT NULL,
    "event" TEXT NOT NULL,
    "principal" TEXT,
    "address" TEXT,
    "rule" TEXT,
    "count" INTEGER NOT NULL,
    "details" TEXT NOT NULL
);

-- CreateIndex
CREATE INDEX "AuditEntry_event_id_idx" ON "AuditEntry"("event", "id");
