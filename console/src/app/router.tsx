import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';
import { Skeleton } from '../parts/status.tsx';
import { Broken } from './broken.tsx';
import { Frame } from './frame.tsx';
import { NotFound } from './not-found.tsx';
import { Start } from './start.tsx';

/** Text of the search part of an address. */
type Search = Record<string, unknown>;
const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);
const number = (value: unknown) => (Number.isInteger(Number(value)) && Number(value) > 0 ? Number(value) : undefined);

export interface SessionSearch {
  q?: string;
  state?: string;
  agent?: string;
  archived?: boolean;
  /** `customer=42 plan=free` */
  metadata?: string;
}

export interface WaitingSearch {
  kind?: string;
  tool?: string;
}

const root = createRootRoute({ component: Frame, notFoundComponent: NotFound });

const start = createRoute({ getParentRoute: () => root, path: '/', component: Start });

const waiting = createRoute({
  getParentRoute: () => root,
  path: '/waiting/{-$waitId}',
  validateSearch: ({ kind, tool }: Search): WaitingSearch => ({ kind: text(kind), tool: text(tool) }),
  component: lazyRouteComponent(() => import('../waiting/waiting-screen.tsx'), 'WaitingScreen'),
});

const sessions = createRoute({
  getParentRoute: () => root,
  path: '/sessions',
  validateSearch: ({ q, state, agent, archived, metadata }: Search): SessionSearch => ({
    metadata: text(metadata),
    q: text(q),
    state: text(state),
    agent: text(agent),
    archived: archived === true ? true : undefined,
  }),
  component: lazyRouteComponent(() => import('../sessions/sessions-screen.tsx'), 'SessionsScreen'),
});

const session = createRoute({
  getParentRoute: () => root,
  path: '/sessions/$sessionId',
  validateSearch: ({ tape }: Search): { tape?: string } => ({ tape: text(tape) }),
  component: lazyRouteComponent(() => import('../session/session-screen.tsx'), 'SessionScreen'),
});

const branches = createRoute({
  getParentRoute: () => root,
  path: '/sessions/$sessionId/branches',
  component: lazyRouteComponent(() => import('../branches/branches-screen.tsx'), 'BranchesScreen'),
});

const run = createRoute({
  getParentRoute: () => root,
  path: '/runs/$runId',
  validateSearch: ({ seq, types }: Search): { seq?: number; types?: string } => ({
    seq: number(seq),
    types: text(types),
  }),
  component: lazyRouteComponent(() => import('../run/run-screen.tsx'), 'RunScreen'),
});

const compare = createRoute({
  getParentRoute: () => root,
  path: '/compare',
  validateSearch: ({ a, b }: Search): { a?: string; b?: string } => ({ a: text(a), b: text(b) }),
  component: lazyRouteComponent(() => import('../compare/compare-screen.tsx'), 'CompareScreen'),
});

const usage = createRoute({
  getParentRoute: () => root,
  path: '/usage',
  validateSearch: ({ days, by }: Search): { days?: number; by?: string } => ({ days: number(days), by: text(by) }),
  component: lazyRouteComponent(() => import('../usage/usage-screen.tsx'), 'UsageScreen'),
});

const agents = createRoute({
  getParentRoute: () => root,
  path: '/agents',
  validateSearch: ({ agent }: Search): { agent?: string } => ({ agent: text(agent) }),
  component: lazyRouteComponent(() => import('../agents/agents-screen.tsx'), 'AgentsScreen'),
});

const gateway = createRoute({
  getParentRoute: () => root,
  path: '/gateway',
  validateSearch: ({ tab }: Search): { tab?: string } => ({ tab: text(tab) }),
  component: lazyRouteComponent(() => import('../gateway-screen/gateway-screen.tsx'), 'GatewayScreen'),
});

export const router = createRouter({
  routeTree: root.addChildren([start, waiting, sessions, session, branches, run, compare, usage, agents, gateway]),
  defaultPreload: 'intent',
  defaultPendingComponent: Skeleton,
  defaultErrorComponent: Broken,
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
