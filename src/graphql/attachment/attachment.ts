import { attachmentUrl } from '../../application/attachments/attachment-url.ts';
import { builder } from '../builder.ts';
import { Node } from '../node.ts';
import { AttachmentType, RunType } from '../object-types.ts';

AttachmentType.implement({
  description:
    'A file of the viewer, uploaded with POST /attachments. An upload that no message refers to is deleted after a day, or after the configured time.',
  interfaces: [Node],
  fields: (t) => ({
    name: t.exposeString('name', { description: 'File name that the upload gave.' }),
    mediaType: t.exposeString('mediaType', {
      description: 'Media type detected from the content, for example `image/png`.',
    }),
    bytes: t.exposeInt('bytes', { description: 'Length of the content in bytes.' }),
    sha256: t.exposeString('sha256', { description: 'SHA-256 of the content in lower-case hexadecimal.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was uploaded.' }),
    url: t.string({
      description:
        'Path on this gateway that returns the content as a download. It needs the same credentials as the API.',
      resolve: ({ id }) => attachmentUrl(id),
    }),
  }),
});

builder.objectField(RunType, 'attachments', (t) =>
  t.field({
    type: [AttachmentType],
    description: 'The attachments of the message that began it, in the order of the message.',
    // The first event of a run is that message.
    resolve: async ({ id }, _args, { loaders }) =>
      (await loaders.attachmentsOfRun.load(id)).filter(({ messageSeq }) => messageSeq === 1),
  }),
);
