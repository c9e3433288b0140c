import type { RunOrigin } from '../../domain/events.ts';
import type { CommandContext, Viewer } from '../command-context.ts';

/** The trace that a new run continues. */
export function tracedBy({ settings }: CommandContext, { from }: Viewer): Pick<RunOrigin, 'traceParent'> {
  return settings.tracing && from?.traceParent ? { traceParent: from.traceParent } : {};
}
