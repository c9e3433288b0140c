import { useState } from 'react';
import { useQuery } from '../gateway/use-query.ts';
import { AgentVersionsDocument, type AgentVersionsQuery } from '../generated/documents.ts';
import { JsonChanges } from '../parts/json-changes.tsx';
import { JsonView } from '../parts/json-view.tsx';
import { Problem } from '../parts/status.tsx';
import { Time } from '../parts/time.tsx';

type Version = NonNullable<AgentVersionsQuery['agent']>['versions']['nodes'][number];

const SHOWN_VERSIONS = 10;

/** The versions of an agent, newest first, each with what it changed. */
export function AgentVersions({ agentId }: { agentId: string }) {
  const [shown, setShown] = useState(SHOWN_VERSIONS);
  // One more shows what the oldest of them changed.
  const { data, error } = useQuery(AgentVersionsDocument, { agentId, first: shown + 1 });
  const versions = data?.agent?.versions.nodes ?? [];
  if (error !== null) return <Problem error={error} />;
  if (versions.length === 0) return null;
  return (
    <section aria-label="Versions of this agent">
      <h3>Versions</h3>
      <ul className="plain-list versions">
        {versions.slice(0, shown).map((version, index) => (
          <li key={version.version}>
            <details>
              <summary>
                Version {version.version} · <Time at={version.createdAt} />
                {index === 0 && <span className="quiet"> · new runs use it</span>}
              </summary>
              <VersionContent version={version} before={versions[index + 1]} />
            </details>
          </li>
        ))}
      </ul>
      {versions.length > shown && (
        <button type="button" className="link" onClick={() => setShown(shown + SHOWN_VERSIONS)}>
          Show older versions
        </button>
      )}
    </section>
  );
}

/** @param before undefined for the first version */
function VersionContent({ version, before }: { version: Version; before: Version | undefined }) {
  const { version: _number, createdAt: _createdAt, ...content } = version;
  if (before === undefined) return <JsonView value={content} />;
  const { version: number, createdAt: _changedAt, ...earlier } = before;
  return (
    <>
      <p className="quiet">Differences to version {number}:</p>
      <JsonChanges before={earlier} after={content} />
      <details>
        <summary>The whole version</summary>
        <JsonView value={content} />
      </details>
    </>
  );
}
