import { type ReactNode, useEffect } from 'react';
import { keyText } from './keys.ts';
import { openKeyHelp, openPalette } from './open-overlays.ts';
import { SyncState } from './sync-state.tsx';

interface ScreenProps {
  title: string;
  /** What stands between the title and the state of the connection. */
  actions?: ReactNode;
  children: ReactNode;
  /** Whether the content uses the whole height and scrolls in its parts. */
  isFilled?: boolean;
}

export function Screen({ title, actions, children, isFilled = false }: ScreenProps) {
  useEffect(() => {
    document.title = `${title} · Runtape`;
  }, [title]);
  return (
    <>
      <header className="screen-header">
        <h1>{title}</h1>
        <div className="screen-actions">{actions}</div>
        <SyncState />
        <button
          type="button"
          className="palette-button"
          onClick={openPalette}
          title="Go to a page, session, run or wait"
        >
          <span className="visually-hidden">Go to </span>
          <kbd>{keyText('mod+k')}</kbd>
        </button>
        <button type="button" className="palette-button" onClick={openKeyHelp} title="Keys of this page">
          <span className="visually-hidden">Keys </span>
          <kbd>?</kbd>
        </button>
      </header>
      <main className={isFilled ? 'screen filled' : 'screen'}>{children}</main>
    </>
  );
}
