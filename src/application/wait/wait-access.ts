import type { WaitKind } from '../../domain/wait.ts';
import { kindOfId } from '../../ids.ts';
import type { WaitVisibility } from '../../projections/waits.ts';
import type { Viewer } from '../command-context.ts';

/** The kinds that a viewer with the scope `approve:any` sees of every principal, because it may settle them. */
const kindsOfApprovers: readonly WaitKind[] = ['APPROVAL', 'BUDGET'];

/** The waits that the viewer sees: those of its own runs, and some kinds of all runs with the scope `approve:any`. */
export function visibleWaits({ principal: owner, scopes }: Viewer): WaitVisibility {
  return { owner, kindsOfEverybody: scopes.includes('approve:any') ? kindsOfApprovers : [] };
}

/** Whether the id is of one of those kinds. */
export function isDecidedByApprovers(waitId: string): boolean {
  const kind = kindOfId(waitId);
  return kind === 'approval' || kind === 'budgetRequest';
}
