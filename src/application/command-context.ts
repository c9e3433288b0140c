import type { Compactor } from '../context/compaction/manual.ts';
import type { SemanticSearch } from '../context/memory/semantic-search.ts';
import type { Database } from '../database/database.ts';
import type { NewId } from '../ids.ts';
import type { Journal } from '../journal/journal.ts';
import type { Policy } from '../policy/policy.ts';
import type { SlotProvider } from '../run-store/execution-slot.ts';
import type { RunStore } from '../run-store/run-store.ts';
import type { SecretStore } from '../tools/secret-store.ts';
import type { Toolbox } from '../tools/toolbox.ts';
import type { KeyedMutex } from './keyed-mutex.ts';

/** What the configuration says about commands. */
export interface CommandSettings {
  /** Names of the models that a message or an agent may ask for. */
  models: readonly string[];
  /** Waiting runs of one session. */
  queueLength: number;
  onExpiry: 'deny' | 'fail';
  /** Whether who started a run may not allow its calls. */
  separateApprover: boolean;
}

/** What every command works with. */
export interface CommandContext {
  database: Database;
  runStore: RunStore;
  journal: Pick<Journal, 'read' | 'readMany'>;
  /** Makes the summaries that somebody asks for. */
  compactor: Compactor;
  toolbox: Toolbox;
  policy: Policy;
  secretStore: SecretStore;
  slotProvider: SlotProvider;
  newId: NewId;
  /** Epoch milliseconds. */
  now(): number;
  /** Finding memories by what they mean. */
  semanticSearch: SemanticSearch;
  /** Commands on one session, one at a time. */
  mutex: KeyedMutex;
  settings: CommandSettings;
}

/** Who asks. Owns what it creates, and sees nothing else; with `approve:any` also the questions of others' runs. */
export interface Viewer {
  principal: string;
  scopes: readonly string[];
}
