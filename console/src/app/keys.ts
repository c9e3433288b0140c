import { useEffect, useRef } from 'react';

export interface KeyBinding {
  /** `j`, `mod+k`, or two keys one after the other: `g w`. */
  keys: string;
  label: string;
  run(): void;
}

const SEQUENCE_MILLISECONDS = 900;
const active = new Set<() => readonly KeyBinding[]>();
let first = { key: '', at: 0 };

/** Every binding of what is on the screen, for the list that `?` shows. */
export const activeBindings = () => [...active].flatMap((bindings) => bindings());

function isTyping({ target }: KeyboardEvent): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

/** Enter belongs to what has the focus. */
function isPressing({ key, target }: KeyboardEvent): boolean {
  return key === 'Enter' && target instanceof HTMLElement && target.closest('a, button, summary') !== null;
}

function nameOf({ key, metaKey, ctrlKey, shiftKey, altKey }: KeyboardEvent): string {
  const isLetter = key.length === 1;
  return `${altKey ? 'alt+' : ''}${metaKey || ctrlKey ? 'mod+' : ''}${shiftKey && !isLetter ? 'shift+' : ''}${key}`;
}

document.addEventListener('keydown', (event) => {
  const name = nameOf(event);
  const isFree =
    !event.defaultPrevented &&
    !isTyping(event) &&
    !isPressing(event) &&
    !document.querySelector('[role=dialog], [role=menu]');
  if (!isFree && !name.startsWith('mod+')) return;
  const sequence = event.timeStamp - first.at < SEQUENCE_MILLISECONDS ? `${first.key} ${name}` : name;
  first = { key: name, at: event.timeStamp };
  const bindings = activeBindings();
  // What was added last is in front.
  const found = bindings.findLast(({ keys }) => keys === sequence) ?? bindings.findLast(({ keys }) => keys === name);
  if (!found) return;
  event.preventDefault();
  found.run();
});

/** The bindings hold while the component is on the screen. */
export function useKeys(bindings: readonly KeyBinding[]): void {
  const current = useRef(bindings);
  current.current = bindings;
  useEffect(() => {
    const read = () => current.current;
    active.add(read);
    return () => void active.delete(read);
  }, []);
}

const symbols: Readonly<Record<string, string>> = {
  ArrowLeft: '←',
  ArrowRight: '→',
  Enter: '⏎',
  Escape: 'Esc',
  'shift+ArrowLeft': '⇧ ←',
  'shift+ArrowRight': '⇧ →',
};

const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

export function keyText(keys: string): string {
  return symbols[keys] ?? keys.replace('mod+', isMac ? '⌘' : 'Ctrl ').replace('Enter', '⏎');
}
