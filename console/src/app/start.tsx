import { Navigate } from '@tanstack/react-router';
import { useQuery } from '../gateway/use-query.ts';
import { WaitsDocument } from '../generated/documents.ts';
import { Problem, Skeleton } from '../parts/status.tsx';
import { Screen } from './screen.tsx';

/** What waits for a person comes first. */
export function Start() {
  const { data, error } = useQuery(WaitsDocument, {}, { isLive: false });
  if (data !== null) return <Navigate to={data.waits.nodes.length > 0 ? '/waiting/{-$waitId}' : '/sessions'} replace />;
  return <Screen title="Runtape">{error === null ? <Skeleton /> : <Problem error={error} />}</Screen>;
}
