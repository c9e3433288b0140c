import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { type ComponentType, lazy, Suspense } from 'react';
import { Screen } from '../app/screen.tsx';
import { useQuery } from '../gateway/use-query.ts';
import { type UsageGroup, UsageReportDocument, type UsageReportQuery } from '../generated/documents.ts';
import { Empty, Problem, Skeleton } from '../parts/status.tsx';
import { TableScroll } from '../parts/table-scroll.tsx';
import { Words } from '../parts/text.tsx';
import { cost, count } from '../text/figures.ts';

/** The package of the chart does not load where the browser's language is malformed, such as "en-US@posix". The table is enough. */
const UsageChart = lazy<ComponentType<{ rows: readonly UsageRow[] }>>(() =>
  import('./usage-chart.tsx').then(
    (loaded) => ({ default: loaded.UsageChart }),
    () => ({ default: () => null }),
  ),
);

export type UsageRow = UsageReportQuery['usageReport']['edges'][number]['node'];

const groups: readonly { value: UsageGroup; label: string }[] = [
  { value: 'DAY', label: 'day' },
  { value: 'MODEL', label: 'model' },
  { value: 'AGENT', label: 'agent' },
  { value: 'SESSION', label: 'session' },
];
const periods = [7, 30, 90];
const DAY_MILLISECONDS = 86_400_000;

/** Midnight in UTC, so that the first day is whole. */
function startOf(days: number): string {
  const today = Math.floor(Date.now() / DAY_MILLISECONDS) * DAY_MILLISECONDS;
  return new Date(today - (days - 1) * DAY_MILLISECONDS).toISOString();
}

const tokensOf = ({ inputTokens, outputTokens }: UsageRow) => inputTokens + outputTokens;

export function UsageScreen() {
  const { days = 30, by = 'DAY' } = useSearch({ from: '/usage' });
  const group = groups.find(({ value }) => value === by)?.value ?? 'DAY';
  const since = startOf(days);
  const perDay = useQuery(UsageReportDocument, { since, groupBy: ['DAY'] });
  const { data, error } = useQuery(UsageReportDocument, { since, groupBy: [group] });
  const rows = data?.usageReport.edges.map(({ node }) => node) ?? [];
  const dayRows = perDay.data?.usageReport.edges.map(({ node }) => node) ?? [];
  return (
    <Screen title="Usage" actions={<Choices days={days} group={group} />}>
      {error !== null && <Problem error={error} />}
      {data === null && error === null && <Skeleton />}
      {data !== null && rows.length === 0 && (
        <Empty title="Nothing was used in this time">
          <p>Usage appears here with the first answer of a model.</p>
        </Empty>
      )}
      {rows.length > 0 && (
        <>
          {dayRows.length > 1 && (
            <Suspense fallback={<div className="chart" />}>
              <UsageChart rows={dayRows} />
            </Suspense>
          )}
          <UsageTable rows={rows} group={group} />
          {data?.usageReport.pageInfo.hasNextPage && (
            <p className="quiet padded">There is more. The API returns all of it: usageReport.</p>
          )}
        </>
      )}
    </Screen>
  );
}

function Choices({ days, group }: { days: number; group: UsageGroup }) {
  const navigate = useNavigate({ from: '/usage' });
  return (
    <>
      <select
        aria-label="Time"
        value={days}
        onChange={({ target }) =>
          void navigate({ search: (before) => ({ ...before, days: Number(target.value) }), replace: true })
        }
      >
        {[...new Set([...periods, days])].map((each) => (
          <option key={each} value={each}>
            {each} days
          </option>
        ))}
      </select>
      <select
        aria-label="Grouped by"
        value={group}
        onChange={({ target }) =>
          void navigate({ search: (before) => ({ ...before, by: target.value }), replace: true })
        }
      >
        {groups.map(({ value, label }) => (
          <option key={value} value={value}>
            by {label}
          </option>
        ))}
      </select>
    </>
  );
}

function UsageTable({ rows, group }: { rows: readonly UsageRow[]; group: UsageGroup }) {
  const most = Math.max(1, ...rows.map(tokensOf));
  const isEstimated = rows.some(({ estimated }) => estimated);
  return (
    <TableScroll label="Usage">
      <table className="data-table usage">
        <thead>
          <tr>
            <th>{groups.find(({ value }) => value === group)?.label}</th>
            <th className="number">runs</th>
            <th className="number">input tokens</th>
            <th className="number">output tokens</th>
            <th className="number">cost</th>
            <th>share</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={`${row.day} ${row.model} ${row.agent?.id} ${row.session?.id}`}>
              <th scope="row">
                <Name row={row} group={group} />
              </th>
              <td className="number">{count(row.runs)}</td>
              <td className="number">
                {row.estimated && <abbr title="estimated">≈</abbr>} {count(row.inputTokens)}
              </td>
              <td className="number">{count(row.outputTokens)}</td>
              <td className="number">{cost(row.cost)}</td>
              <td className="usage-share" aria-hidden="true">
                <span style={{ width: `${(tokensOf(row) / most) * 100}%` }} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {isEstimated && <p className="quiet">≈ The provider did not report some of these figures; they are estimated.</p>}
    </TableScroll>
  );
}

function Name({ row, group }: { row: UsageRow; group: UsageGroup }) {
  switch (group) {
    case 'DAY':
      return <span className="figures">{row.day?.slice(0, 10) ?? '–'}</span>;
    case 'MODEL':
      return row.model ?? 'no model';
    case 'AGENT':
      return row.agent ? <Words>{row.agent.name}</Words> : 'no agent';
    case 'SESSION':
      return row.session ? (
        <Link to="/sessions/$sessionId" params={{ sessionId: row.session.id }}>
          <Words>{row.session.title ?? row.session.key}</Words>
        </Link>
      ) : (
        'erased'
      );
  }
}
