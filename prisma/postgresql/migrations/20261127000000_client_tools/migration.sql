ALTER TABLE "Agent" ADD COLUMN "clientTools" TEXT;
ALTER TABLE "AgentVersion" ADD COLUMN "clientTools" TEXT;
