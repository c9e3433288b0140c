import { useState } from 'react';
import { accept, messageOf } from '../gateway/accept.ts';
import { client } from '../gateway/connection.ts';
import { refreshAll, useQuery } from '../gateway/use-query.ts';
import { DecideDocument, WaitsDocument } from '../generated/documents.ts';
import { Modal } from '../parts/modal.tsx';
import { Words } from '../parts/text.tsx';
import { type ApprovalContent, approvalOf } from './wait-content.ts';

/** What became of each call: absent while it is being decided. */
type Results = Readonly<Record<string, string>>;

/** The other open approvals of the same tool and rule. */
function useSimilar({ id, tool, rule }: ApprovalContent) {
  const { data } = useQuery(WaitsDocument, {});
  return (data?.waits.nodes ?? [])
    .flatMap((wait) => approvalOf(wait) ?? [])
    .filter((other) => other.id !== id && other.tool === tool && other.rule === rule);
}

/** Decides several calls of one tool and rule: each is listed with its target, and has a result of its own. */
export function DecideTogether({ approval }: { approval: ApprovalContent }) {
  const similar = useSimilar(approval);
  const [listed, setListed] = useState<typeof similar | null>(null);
  const [results, setResults] = useState<Results>({});
  const [isDeciding, setDeciding] = useState(false);
  if (similar.length === 0 && listed === null) return null;
  const all = listed ?? [];
  const decide = async (decision: 'ALLOW' | 'DENY') => {
    setDeciding(true);
    for (const { id } of all) {
      const result = await client.query(DecideDocument, { input: { approvalId: id, decision } }).then(
        ({ decideApproval }) => resultOf(() => accept(decideApproval), decision),
        (error: unknown) => messageOf(error),
      );
      setResults((before) => ({ ...before, [id]: result }));
    }
    refreshAll();
  };
  const open = () => {
    setResults({});
    setDeciding(false);
    setListed([approval, ...similar]);
  };
  return (
    <>
      <button type="button" className="button plain" onClick={open}>
        {similar.length} more of this tool and rule…
      </button>
      <Modal title={`Calls of ${approval.tool}`} isOpen={listed !== null} onClose={() => setListed(null)}>
        <ul className="plain-list together">
          {all.map(({ id, target, summary }) => (
            <li key={id}>
              <span className="value">
                <Words isStrict>{target ?? summary}</Words>
              </span>
              <span role="status">{results[id] ?? (isDeciding ? '…' : '')}</span>
            </li>
          ))}
        </ul>
        <div className="buttons">
          <button type="button" className="button primary" disabled={isDeciding} onClick={() => void decide('ALLOW')}>
            Allow these {all.length} once
          </button>
          <button type="button" className="button danger" disabled={isDeciding} onClick={() => void decide('DENY')}>
            Deny these {all.length}
          </button>
        </div>
      </Modal>
    </>
  );
}

function resultOf(check: () => void, decision: 'ALLOW' | 'DENY'): string {
  try {
    check();
    return decision === 'ALLOW' ? '✓ allowed' : '✗ denied';
  } catch (error) {
    return messageOf(error);
  }
}
