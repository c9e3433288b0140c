-- Runs that were lost again without progress are resumed one at a time.
ALTER TABLE "Lease" ADD COLUMN "alone" BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE "Lease" ADD COLUMN "lostHolder" TEXT;
ALTER TABLE "Lease" ADD COLUMN "suspicion" INTEGER NOT NULL DEFAULT 0;

-- As small as the number of suspects and of lost runs.
CREATE INDEX "Lease_suspects" ON "Lease"("suspicion", "runId") WHERE "suspicion" > 0;
CREATE INDEX "Lease_lost" ON "Lease"("lostHolder") WHERE "lostHolder" IS NOT NULL;
