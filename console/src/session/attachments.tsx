import { download } from '../gateway/connection.ts';
import { useAction } from '../gateway/use-action.ts';
import { count } from '../text/figures.ts';
import { visibleText } from '../text/visible-text.ts';

export interface AttachmentItem {
  id: string;
  name: string;
  mediaType: string;
  bytes: number;
  url: string;
}

/** The files of a message. They are downloaded, never shown in the page. */
export function Attachments({ attachments }: { attachments: readonly AttachmentItem[] }) {
  const { isBusy, error, run } = useAction();
  if (attachments.length === 0) return null;
  return (
    <ul className="attachments" aria-label="Attachments">
      {attachments.map(({ id, name, mediaType, bytes, url }) => (
        <li key={id}>
          <button type="button" className="link" disabled={isBusy} onClick={() => run(() => download(url, name))}>
            {visibleText(name)}
          </button>{' '}
          <small>
            {mediaType} · {count(bytes)} bytes
          </small>
        </li>
      ))}
      {error !== null && <li role="alert">{error}</li>}
    </ul>
  );
}
