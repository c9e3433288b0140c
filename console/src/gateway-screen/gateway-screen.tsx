import { useNavigate, useSearch } from '@tanstack/react-router';
import { Tabs } from 'radix-ui';
import { Screen } from '../app/screen.tsx';
import { useQuery } from '../gateway/use-query.ts';
import { GatewayDocument, type GatewayQuery } from '../generated/documents.ts';
import { State } from '../parts/state.tsx';
import { Problem, Skeleton } from '../parts/status.tsx';
import { TableScroll } from '../parts/table-scroll.tsx';
import { Fact, Facts, Words } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { count } from '../text/figures.ts';
import { duration } from '../text/time.ts';
import { MemoryList } from './memory-list.tsx';
import { PolicyForm } from './policy-form.tsx';
import { ToolList } from './tool-list.tsx';

const tabs = ['models', 'tools', 'policy', 'memories', 'limits'] as const;

export function GatewayScreen() {
  const { tab = 'models' } = useSearch({ from: '/gateway' });
  const navigate = useNavigate({ from: '/gateway' });
  const { data, error } = useQuery(GatewayDocument, {});
  return (
    <Screen title="Gateway">
      {error !== null && <Problem error={error} />}
      {data === null && error === null && <Skeleton />}
      {data !== null && (
        <>
          <Facts>
            <Fact name="version">{data.gateway.version}</Fact>
            <Fact name="journal">{data.gateway.journal}</Fact>
            <Fact name="running">
              {duration(data.gateway.uptimeSeconds * 1000)} (<Time at={data.gateway.startedAt} prefix="started " />)
            </Fact>
          </Facts>
          <Tabs.Root value={tab} onValueChange={(next) => void navigate({ search: { tab: next }, replace: true })}>
            <Tabs.List className="tabs" aria-label="Parts of the gateway">
              {tabs.map((name) => (
                <Tabs.Trigger key={name} value={name} className="tab">
                  {name === 'models' ? 'Models and servers' : `${name.charAt(0).toUpperCase()}${name.slice(1)}`}
                </Tabs.Trigger>
              ))}
            </Tabs.List>
            <Tabs.Content value="models">
              <Models models={data.gateway.modelCatalogue} />
              <Servers servers={data.gateway.mcpServers} />
            </Tabs.Content>
            <Tabs.Content value="tools">
              <ToolList tools={data.tools} />
            </Tabs.Content>
            <Tabs.Content value="policy">
              <PolicyForm tools={data.tools} />
            </Tabs.Content>
            <Tabs.Content value="memories">
              <MemoryList />
            </Tabs.Content>
            <Tabs.Content value="limits">
              <Limits limits={data.gateway.limits} />
            </Tabs.Content>
          </Tabs.Root>
        </>
      )}
    </Screen>
  );
}

type Gateway = GatewayQuery['gateway'];

function Models({ models }: { models: Gateway['modelCatalogue'] }) {
  return (
    <TableScroll label="Models">
      <table className="data-table">
        <caption>Models, the default one first</caption>
        <thead>
          <tr>
            <th>model</th>
            <th>state</th>
            <th>provider</th>
            <th className="number">window</th>
            <th>fallbacks</th>
          </tr>
        </thead>
        <tbody>
          {models.map(({ name, circuit, provider, contextTokens, fallbacks }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>
                <State of={circuit} />
              </td>
              <td>{provider}</td>
              <td className="number">{count(contextTokens)} tokens</td>
              <td>{fallbacks.length === 0 ? '–' : fallbacks.join(', ')}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableScroll>
  );
}

function Servers({ servers }: { servers: Gateway['mcpServers'] }) {
  if (servers.length === 0) {
    return (
      <p className="quiet padded">
        No MCP servers. Add one under <code>mcpServers</code> in the configuration file.
      </p>
    );
  }
  return (
    <TableScroll label="MCP servers">
      <table className="data-table">
        <caption>MCP servers</caption>
        <thead>
          <tr>
            <th>server</th>
            <th>state</th>
            <th className="number">tools</th>
            <th>last error</th>
          </tr>
        </thead>
        <tbody>
          {servers.map(({ name, state, tools, lastError }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>
                <State of={state} />
              </td>
              <td className="number">{tools.length}</td>
              <td>{lastError ? <Words>{lastError}</Words> : '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableScroll>
  );
}

function Limits({ limits }: { limits: Gateway['limits'] }) {
  return (
    <TableScroll label="Limits">
      <table className="data-table">
        <caption>Limits in force</caption>
        <tbody>
          {limits.map(({ name, value }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td className="number">{count(value)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableScroll>
  );
}
