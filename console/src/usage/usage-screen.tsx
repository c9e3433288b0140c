import { Screen } from '../app/screen.tsx';
import { Empty } from '../parts/status.tsx';

export function UsageScreen() {
  return (
    <Screen title="Usage">
      <Empty title="No report yet" />
    </Screen>
  );
}
