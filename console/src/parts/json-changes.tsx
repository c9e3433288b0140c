import { changesBetween } from '../text/json-changes.ts';
import { visibleText } from '../text/visible-text.ts';

/** What differs between two JSON values: the path, the old value and the new one. */
export function JsonChanges({ before, after }: { before: unknown; after: unknown }) {
  const changes = changesBetween(before, after);
  if (changes.length === 0) return <p className="quiet">No difference.</p>;
  return (
    <table className="changes">
      <thead className="visually-hidden">
        <tr>
          <th>Where</th>
          <th>What</th>
        </tr>
      </thead>
      <tbody>
        {changes.map(({ path, before: old, after: next }) => (
          <tr key={path}>
            <th scope="row">{visibleText(path)}</th>
            <td>
              {old !== undefined && (
                <div className="removed">
                  <span aria-hidden="true">−&nbsp;</span>
                  <span className="visually-hidden">before: </span>
                  {visibleText(old)}
                </div>
              )}
              {next !== undefined && (
                <div className="added">
                  <span aria-hidden="true">+&nbsp;</span>
                  <span className="visually-hidden">after: </span>
                  {visibleText(next)}
                </div>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
