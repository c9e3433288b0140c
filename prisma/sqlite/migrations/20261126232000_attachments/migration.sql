-- AlterTable
ALTER TABLE "Agent" ADD COLUMN "outputSchema" TEXT;

-- AlterTable
ALTER TABLE "AgentVersion" ADD COLUMN "outputSchema" TEXT;

-- AlterTable
ALTER TABLE "Run" ADD COLUMN "hasResult" BOOLEAN NOT NULL DEFAULT false;

-- CreateTable
CREATE TABLE "Attachment" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "owner" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "mediaType" TEXT NOT NULL,
    "bytes" INTEGER NOT NULL,
    "sha256" TEXT NOT NULL,
    "blobId" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL,
    CONSTRAINT "Attachment_blobId_fkey" FOREIGN KEY ("blobId") REFERENCES "Blob" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Blob" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "owner" TEXT NOT NULL,
    "sha256" TEXT NOT NULL
);

-- CreateTable
CREATE TABLE "AttachmentUse" (
    "runId" TEXT NOT NULL,
    "seq" INTEGER NOT NULL,
    "position" INTEGER NOT NULL,
    "attachmentId" TEXT NOT NULL,

    PRIMARY KEY ("runId", "seq", "position"),
    CONSTRAINT "AttachmentUse_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Run" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "AttachmentUse_attachmentId_fkey" FOREIGN KEY ("attachmentId") REFERENCES "Attachment" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "DiscardedBlob" (
    "key" TEXT NOT NULL PRIMARY KEY,
    "after" DATETIME NOT NULL
);

-- CreateIndex
CREATE INDEX "Attachment_owner_idx" ON "Attachment"("owner");

-- CreateIndex
CREATE INDEX "Attachment_blobId_idx" ON "Attachment"("blobId");

-- CreateIndex
CREATE INDEX "Attachment_createdAt_idx" ON "Attachment"("createdAt");

-- CreateIndex
CREATE UNIQUE INDEX "Blob_owner_sha256_key" ON "Blob"("owner", "sha256");

-- CreateIndex
CREATE INDEX "AttachmentUse_attachmentId_idx" ON "AttachmentUse"("attachmentId");

-- CreateIndex
CREATE INDEX "DiscardedBlob_after_idx" ON "DiscardedBlob"("after");
