import { useEffect, useState } from 'react';
import { Modal } from '../parts/modal.tsx';
import { activeBindings, keyText, useKeys } from './keys.ts';
import { KEYS_EVENT } from './open-overlays.ts';

export function KeyHelp() {
  const [isOpen, setOpen] = useState(false);
  useKeys([{ keys: '?', label: 'Show the keys of this page', run: () => setOpen(true) }]);
  useEffect(() => {
    const open = () => setOpen(true);
    document.addEventListener(KEYS_EVENT, open);
    return () => document.removeEventListener(KEYS_EVENT, open);
  }, []);
  return (
    <Modal title="Keys" isOpen={isOpen} onClose={() => setOpen(false)}>
      <table className="key-list">
        <tbody>
          {isOpen &&
            activeBindings().map(({ keys, label }) => (
              <tr key={keys}>
                <th scope="row">
                  <kbd>{keyText(keys)}</kbd>
                </th>
                <td>{label}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </Modal>
  );
}
