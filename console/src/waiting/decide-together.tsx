import { useEffect, useState } from 'react';
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

const TOGETHER_EVENT = 'runtape:together';

/** Opens the dialog for an approval and the others of its tool and rule. */
export function DecideTogether({ approval }: { approval: ApprovalContent }) {
  const similar = useSimilar(approval);
  if (similar.length === 0) return null;
  const open = () => document.dispatchEvent(new CustomEvent(TOGETHER_EVENT, { detail: [approval, ...similar] }));
  return (
    <button type="button" className="button plain" onClick={open}>
      {similar.length} more of this tool and rule…
    </button>
  );
}

/**
 * Decides several calls of one tool and rule: each is listed with its target, and has a result of its own. It is a part of the frame,
 * because what it decides leaves the screen that opened it.
 */
export function DecideTogetherDialog() {
  const [listed, setListed] = useState<ReturnType<typeof useSimilar>>([]);
  const [results, setResults] = useState<Results>({});
  const [isDeciding, setDeciding] = useState(false);
  useEffect(() => {
    const open = (event: Event) => {
      setResults({});
      setDeciding(false);
      setListed((event as CustomEvent<ReturnType<typeof useSimilar>>).detail);
    };
    document.addEventListener(TOGETHER_EVENT, open);
    return () => document.removeEventListener(TOGETHER_EVENT, open);
  }, []);
  const decide = async (decision: 'ALLOW' | 'DENY') => {
    setDeciding(true);
    for (const { id } of listed) {
      const result = await client.query(DecideDocument, { input: { approvalId: id, decision } }).then(
        ({ decideApproval }) => resultOf(() => accept(decideApproval), decision),
        (error: unknown) => messageOf(error),
      );
      setResults((before) => ({ ...before, [id]: result }));
    }
    refreshAll();
  };
  return (
    <Modal title={`Calls of ${listed[0]?.tool}`} isOpen={listed.length > 0} onClose={() => setListed([])}>
      <ul className="plain-list together">
        {listed.map(({ id, target, summary }) => (
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
          Allow these {listed.length} once
        </button>
        <button type="button" className="button danger" disabled={isDeciding} onClick={() => void decide('DENY')}>
          Deny these {listed.length}
        </button>
      </div>
    </Modal>
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
