-- Every key so far belongs to sendMessage, whose result is a run.
ALTER TABLE "IdempotencyKey" RENAME COLUMN "runId" TO "resultId";
ALTER TABLE "IdempotencyKey" ADD COLUMN "mutation" TEXT NOT NULL DEFAULT 'sendMessage';
ALTER TABLE "IdempotencyKey" ALTER COLUMN "mutation" DROP DEFAULT;
ALTER TABLE "IdempotencyKey" ALTER COLUMN "sessionId" DROP NOT NULL;
ALTER TABLE "IdempotencyKey" ALTER COLUMN "seq" DROP NOT NULL;
ALTER TABLE "IdempotencyKey" DROP CONSTRAINT "IdempotencyKey_pkey";
ALTER TABLE "IdempotencyKey" ADD CONSTRAINT "IdempotencyKey_pkey" PRIMARY KEY ("principal", "mutation", "key");
