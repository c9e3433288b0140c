import { type FormEvent, useState } from 'react';
import { Modal } from '../parts/modal.tsx';

interface ReasonModalProps {
  title: string;
  label: string;
  action: string;
  isRequired?: boolean;
  isOpen: boolean;
  onClose(): void;
  /** Undefined without a reason. */
  onConfirm(reason: string | undefined): void;
}

const REASON_CHARACTERS = 2_000;

/** Asks why before something is refused. */
export function ReasonModal({
  title,
  label,
  action,
  isRequired = false,
  isOpen,
  onClose,
  onConfirm,
}: ReasonModalProps) {
  const [reason, setReason] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onClose();
    onConfirm(reason.trim() === '' ? undefined : reason.trim());
  };
  return (
    <Modal title={title} isOpen={isOpen} onClose={onClose}>
      <form onSubmit={submit}>
        <label htmlFor="reason">{label}</label>
        <input
          id="reason"
          value={reason}
          onChange={({ target }) => setReason(target.value)}
          maxLength={REASON_CHARACTERS}
          required={isRequired}
        />
        <div className="buttons">
          <button type="submit" className="button danger">
            {action}
          </button>
          <button type="button" className="button plain" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Modal>
  );
}
