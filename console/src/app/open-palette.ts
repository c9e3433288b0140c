/** The command palette listens for it; so every part of the page can open it. */
export const PALETTE_EVENT = 'runtape:palette';

export function openPalette(): void {
  document.dispatchEvent(new Event(PALETTE_EVENT));
}
