import { Problem } from '../parts/status.tsx';
import { Screen } from './screen.tsx';

/** A screen that cannot be shown, for example because the gateway was updated and a part of the old page is gone. */
export function Broken({ error }: { error: unknown }) {
  return (
    <Screen title="Runtape">
      <Problem error={error}>
        {' '}
        This screen cannot be shown.{' '}
        <button type="button" className="link" onClick={() => location.reload()}>
          Reload the page
        </button>
      </Problem>
    </Screen>
  );
}
