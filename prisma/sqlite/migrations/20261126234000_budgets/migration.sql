-- CreateTable
CREATE TABLE "BudgetUse" (
    "key" TEXT NOT NULL PRIMARY KEY,
    "spent" REAL NOT NULL,
    "endsAt" DATETIME
);

-- CreateTable
CREATE TABLE "BudgetReservation" (
    "runId" TEXT NOT NULL,
    "epoch" INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    "owner" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "amount" REAL NOT NULL,
    "endsAt" DATETIME,

    PRIMARY KEY ("runId", "key")
);

-- CreateIndex
CREATE INDEX "BudgetUse_endsAt_idx" ON "BudgetUse"("endsAt");

-- CreateIndex
CREATE INDEX "BudgetReservation_key_idx" ON "BudgetReservation"("key");
