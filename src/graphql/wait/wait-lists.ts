import type { RowPage } from '../../domain/page.ts';
import { storableText } from '../../domain/storable-text.ts';
import { kindOfId } from '../../ids.ts';
import type { WaitPosition, WaitRow, WaitsFilter } from '../../projections/waits.ts';
import { builder } from '../builder.ts';
import { defineConnection, defineEdge } from '../connection/connections.ts';
import {
  type Connection,
  type ConnectionArguments,
  connectionOf,
  createCursorFormat,
  type Edge,
  parsePage,
} from '../connection/paging.ts';
import { Wait, WaitKind, WaitState } from './wait-interface.ts';

const WaitEdge = defineEdge('Wait', 'waits', Wait);

export const WaitConnection = defineConnection('Wait', 'waits', Wait, WaitEdge);

export const WaitFilter = builder.inputType('WaitFilter', {
  description: 'Selects waits of a list. A wait must meet all conditions that are given.',
  fields: (t) => ({
    kinds: t.field({ type: [WaitKind], description: 'Only waits of one of these kinds.' }),
    states: t.field({ type: [WaitState], description: 'Only waits in one of these states.' }),
    sessionId: t.id({ description: 'Only waits of this session.' }),
    runId: t.id({ description: 'Only waits of this run.' }),
  }),
});

/** Ids that no database can store select nothing. */
export function waitsFilter(filter: typeof WaitFilter.$inferInput | null | undefined): WaitsFilter {
  const { kinds, states, sessionId, runId } = filter ?? {};
  return {
    kinds: kinds ?? undefined,
    states: states ?? undefined,
    sessionId: sessionId == null ? undefined : storableText(sessionId),
    runId: runId == null ? undefined : storableText(runId),
  };
}

const waitCursors = createCursorFormat<WaitPosition>(
  ({ requestedAt, id }) => `wait:${requestedAt.getTime()}:${id}`,
  (text) => {
    const [, time, id = ''] = /^wait:(\d{1,15}):(.+)$/.exec(text) ?? [];
    return time === undefined || kindOfId(id) === null ? null : { requestedAt: new Date(Number(time)), id };
  },
);

export const waitPageArguments = (args: ConnectionArguments) =>
  parsePage(
    args,
    waitCursors,
    'is not a cursor of a list of waits. Use a cursor that its `edges` or `pageInfo` returned.',
  );

export function connectionOfWaits({ rows, ...page }: RowPage<WaitRow>): Connection<Edge<WaitRow>> {
  return connectionOf(
    rows.map((node) => ({ cursor: waitCursors.format(node), node })),
    page,
  );
}
