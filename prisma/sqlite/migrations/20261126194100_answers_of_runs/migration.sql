ALTER TABLE "Run" ADD COLUMN "outputTextId" TEXT;
ALTER TABLE "Run" ADD COLUMN "finishReason" TEXT;

-- The value that folding the tape gives. A damaged event must not prevent the start.
UPDATE "Run" SET "finishReason" = (
    SELECT CASE WHEN json_valid("payload") THEN json_extract("payload", '$.finishReason') END FROM "Event"
    WHERE "runId" = "Run"."id" AND "type" = 'output' ORDER BY "seq" DESC LIMIT 1
) WHERE "steps" > 0;
