CREATE INDEX "AgentVersion_owner_idx" ON "AgentVersion"("owner");
