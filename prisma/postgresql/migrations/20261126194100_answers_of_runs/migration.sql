ALTER TABLE "Run" ADD COLUMN "outputTextId" TEXT;
ALTER TABLE "Run" ADD COLUMN "finishReason" TEXT;

-- The value that folding the tape gives. Its key comes first in canonical JSON, and a damaged event must not prevent the start.
UPDATE "Run" SET "finishReason" = (
    SELECT substring("payload" FROM '^\{"finishReason":"([^"\\]*)"') FROM "Event"
    WHERE "runId" = "Run"."id" AND "type" = 'output' ORDER BY "seq" DESC LIMIT 1
) WHERE "steps" > 0;
