-- Bytes are counted while a tape is written, not when it is closed.
ALTER TABLE "Tape" ADD COLUMN "payloadBytes" BIGINT;

-- No query needs these indexes, and every run writes them.
DROP INDEX "Run_sessionId_endedAt_idx";
DROP INDEX "Passage_sessionId_idx";

-- "Run_state_id_idx" serves the queries of these two.
DROP INDEX "Run_waiting";
DROP INDEX "Run_begun";

-- Most sessions have no parent and no agent, and an ended run has no holder. Rows without a value need no entry.
DROP INDEX "Session_parentId_id_idx";
CREATE INDEX "Session_branches" ON "Session"("parentId", "id") WHERE "parentId" IS NOT NULL;
DROP INDEX "Session_agentId_idx";
CREATE INDEX "Session_agent" ON "Session"("agentId") WHERE "agentId" IS NOT NULL;
DROP INDEX "Lease_holder_idx";
CREATE INDEX "Lease_held" ON "Lease"("holder") WHERE "holder" IS NOT NULL;
