// The command palette and the list of keys listen for these events; so every part of the page can open them.
export const PALETTE_EVENT = 'runtape:palette';
export const KEYS_EVENT = 'runtape:keys';

export function openPalette(): void {
  document.dispatchEvent(new Event(PALETTE_EVENT));
}

export function openKeyHelp(): void {
  document.dispatchEvent(new Event(KEYS_EVENT));
}
