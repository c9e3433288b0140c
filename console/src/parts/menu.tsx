import { DropdownMenu } from 'radix-ui';
import type { ReactNode } from 'react';

export interface MenuItem {
  label: string;
  /** A second line that says what it means. */
  hint?: string;
  isDisabled?: boolean;
  onSelect(): void;
}

export function Menu({ label, children, items }: { label?: string; children: ReactNode; items: readonly MenuItem[] }) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className="button" aria-label={label}>
        {children} <span aria-hidden="true">▾</span>
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="end" sideOffset={4}>
          {items.map(({ label: text, hint, isDisabled, onSelect }) => (
            <DropdownMenu.Item key={text} className="menu-item" disabled={isDisabled} onSelect={onSelect}>
              {text}
              {hint !== undefined && <small>{hint}</small>}
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
