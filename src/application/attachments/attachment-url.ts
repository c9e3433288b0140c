/** The path of the server at which files are uploaded, and below which they are downloaded. */
export const ATTACHMENTS_PATH = '/attachments';

export function attachmentUrl(id: string): string {
  return `${ATTACHMENTS_PATH}/${id}`;
}
