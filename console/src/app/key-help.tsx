import { useState } from 'react';
import { Modal } from '../parts/modal.tsx';
import { activeBindings, keyText, useKeys } from './keys.ts';

export function KeyHelp() {
  const [isOpen, setOpen] = useState(false);
  useKeys([{ keys: '?', label: 'Show the keys of this page', run: () => setOpen(true) }]);
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
