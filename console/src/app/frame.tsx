import { Link, Outlet, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { hasToken, signOut } from '../gateway/connection.ts';
import { useQuery } from '../gateway/use-query.ts';
import { ViewerContext } from '../gateway/viewer.ts';
import { ViewerDocument, WaitsDocument } from '../generated/documents.ts';
import {
  AgentsIcon,
  GatewayIcon,
  Mark,
  QueryIcon,
  SessionsIcon,
  ThemeIcon,
  UsageIcon,
  WaitingIcon,
} from '../parts/icons.tsx';
import { Problem, Skeleton } from '../parts/status.tsx';
import { visibleText } from '../text/visible-text.ts';
import { DecideTogetherDialog } from '../waiting/decide-together.tsx';
import { CommandPalette } from './command-palette.tsx';
import { KeyHelp } from './key-help.tsx';
import { useKeys } from './keys.ts';
import { SignIn } from './sign-in.tsx';
import { applyTheme, currentTheme, nextTheme } from './theme.ts';

const places = [
  { to: '/waiting/{-$waitId}', label: 'Waiting', key: 'g w', Icon: WaitingIcon },
  { to: '/sessions', label: 'Sessions', key: 'g s', Icon: SessionsIcon },
  { to: '/usage', label: 'Usage', key: 'g u', Icon: UsageIcon },
  { to: '/agents', label: 'Agents', key: 'g a', Icon: AgentsIcon },
  { to: '/gateway', label: 'Gateway', key: 'g g', Icon: GatewayIcon },
] as const;

export function Frame() {
  const { data, error } = useQuery(ViewerDocument, {});
  const code = error?.code;
  if (code === 'UNAUTHENTICATED') return <SignIn />;
  if (data === null) {
    return <main className="screen">{error === null ? <Skeleton /> : <Problem error={error} />}</main>;
  }
  return (
    <ViewerContext value={data.viewer}>
      <div className="frame">
        <Navigation principal={data.viewer.principal} version={data.gateway.version} />
        <div className="content">
          <Outlet />
        </div>
      </div>
      <CommandPalette />
      <DecideTogetherDialog />
      <KeyHelp />
    </ViewerContext>
  );
}

function Navigation({ principal, version }: { principal: string; version: string }) {
  const navigate = useNavigate();
  const waits = useQuery(WaitsDocument, {}).data?.waits;
  const open = waits?.nodes.length ?? 0;
  useKeys(
    places.map(({ to, key, label }) => ({ keys: key, label: `Go to ${label}`, run: () => void navigate({ to }) })),
  );
  return (
    <nav className="navigation" aria-label="Console">
      <div className="brand" title={`Runtape ${version}`}>
        <Mark /> <span>Runtape</span>
      </div>
      {places.map(({ to, label, Icon }) => (
        <Link key={to} to={to} className="place" activeProps={{ 'aria-current': 'page' }} title={label}>
          <Icon /> <span>{label}</span>
          {label === 'Waiting' && open > 0 && (
            <b className="badge" title={`${open} open`}>
              {open}
              {waits?.pageInfo.hasNextPage ? '+' : ''}
            </b>
          )}
        </Link>
      ))}
      <div className="navigation-end">
        <a className="place" href="/graphql" target="_blank" rel="noopener" title="GraphiQL">
          <QueryIcon /> <span>GraphiQL</span>
        </a>
        <div className="viewer">
          <span className="principal" title={principal}>
            {visibleText(principal)}
          </span>
          <ThemeButton />
        </div>
        {hasToken() && (
          <button type="button" className="place sign-out" onClick={signOut}>
            <span>Sign out</span>
          </button>
        )}
      </div>
    </nav>
  );
}

function ThemeButton() {
  const [theme, setTheme] = useState(currentTheme);
  const next = nextTheme(theme);
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={`Colours: ${theme}. Change to ${next}.`}
      title={`Colours: ${theme}`}
      onClick={() => {
        applyTheme(next);
        setTheme(next);
      }}
    >
      <ThemeIcon />
    </button>
  );
}
