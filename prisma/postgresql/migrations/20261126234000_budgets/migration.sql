-- CreateEnum
CREATE TYPE "BudgetKind" AS ENUM ('COST', 'TOKENS');

-- CreateTable
CREATE TABLE "BudgetUse" (
    "key" TEXT NOT NULL,
    "spent" DOUBLE PRECISION NOT NULL,
    "endsAt" TIMESTAMP(3),

    CONSTRAINT "BudgetUse_pkey" PRIMARY KEY ("key")
);

-- CreateTable
CREATE TABLE "BudgetReservation" (
    "runId" TEXT NOT NULL,
    "epoch" INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    "owner" TEXT NOT NULL,
    "kind" "BudgetKind" NOT NULL,
    "amount" DOUBLE PRECISION NOT NULL,
    "endsAt" TIMESTAMP(3),

    CONSTRAINT "BudgetReservation_pkey" PRIMARY KEY ("runId","key")
);

-- CreateIndex
CREATE INDEX "BudgetUse_endsAt_idx" ON "BudgetUse"("endsAt");

-- CreateIndex
CREATE INDEX "BudgetReservation_key_idx" ON "BudgetReservation"("key");
