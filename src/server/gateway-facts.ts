import type { CatalogueModelFacts, GatewayFacts } from '../graphql/context.ts';
import type { Catalogue } from '../models/catalogue.ts';
import type { McpServerStatus } from '../tools/mcp/mcp-server.ts';
import { type FileInEffect, trafficLimits } from './settings.ts';
import { version } from './version.ts';

interface Sources {
  startedAt: Date;
  journal: GatewayFacts['journal'];
  catalogue: Catalogue;
  mcpServers: { statuses(): McpServerStatus[] };
  inEffect: FileInEffect;
}

/** What the API says about the gateway, as it is when it is asked. */
export function gatewayFacts({ startedAt, journal, catalogue, mcpServers, inEffect }: Sources): GatewayFacts {
  return {
    version,
    startedAt,
    journal,
    get models() {
      return defaultFirst(catalogue);
    },
    modelCatalogue: () => modelsOf(catalogue),
    mcpServers: mcpServers.statuses,
    get limits() {
      const { maxCost, ...runLimits } = inEffect.file.limits;
      return { ...runLimits, ...trafficLimits(inEffect.file), ...(maxCost === null ? {} : { maxCost }) };
    },
  };
}

const circuitNames = { closed: 'CLOSED', open: 'OPEN', 'half-open': 'HALF_OPEN' } as const;

function modelsOf(catalogue: Catalogue): CatalogueModelFacts[] {
  const entries = defaultFirst(catalogue).flatMap((name) => catalogue.find(name) ?? []);
  return entries.map(({ name, provider, contextTokens, fallbacks, circuit }) => ({
    name,
    provider,
    contextTokens,
    fallbacks: [...fallbacks],
    circuit: circuitNames[circuit.state()],
  }));
}

function defaultFirst({ defaultName, names }: Catalogue): string[] {
  return [defaultName, ...names.filter((name) => name !== defaultName)];
}
