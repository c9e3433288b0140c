ALTER TABLE "Session" ADD COLUMN     "storedBytes" BIGINT NOT NULL DEFAULT 0;

UPDATE "Session" SET "storedBytes" = coalesce((
  SELECT sum(
    coalesce((SELECT sum(octet_length("payload")) FROM "Event" WHERE "Event"."runId" = "Tape"."runId"), 0) +
    coalesce((SELECT sum(octet_length("content")) FROM "StoredText" WHERE "StoredText"."runId" = "Tape"."runId"), 0)
  ) FROM "Tape" WHERE "Tape"."sessionId" = "Session"."id" AND "Tape"."closed"
), 0);

-- DropIndex
DROP INDEX "Session_owner_activeAt_id_idx";

-- CreateIndex
CREATE INDEX "Session_owner_activeAt_id_storedBytes_idx" ON "Session"("owner", "activeAt", "id", "storedBytes");

-- DropIndex
DROP INDEX "Attachment_owner_idx";

-- CreateIndex
CREATE INDEX "Attachment_owner_blobId_bytes_idx" ON "Attachment"("owner", "blobId", "bytes");

-- Fails a transaction after which a principal has more sessions than its quota. The lock makes other servers wait for the outcome.
CREATE FUNCTION "session_quota"("principal" text, "most" int) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('sessions of ' || "principal", 0));
  IF (SELECT count(*) FROM "Session" WHERE "owner" = "principal") > "most" THEN
    RAISE EXCEPTION 'session_quota';
  END IF;
END $$;
