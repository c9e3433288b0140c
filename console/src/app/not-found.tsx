import { Link } from '@tanstack/react-router';
import { Empty } from '../parts/status.tsx';
import { Screen } from './screen.tsx';

export function NotFound() {
  return (
    <Screen title="Not found">
      <Empty title="This address leads nowhere">
        <p>
          Go to <Link to="/sessions">your sessions</Link>.
        </p>
      </Empty>
    </Screen>
  );
}
