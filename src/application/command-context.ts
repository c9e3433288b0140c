import type { Compactor } from '../context/compaction/by-hand.ts';
import type { Meanings } from '../context/memory/meanings.ts';
import type { Database } from '../database/database.ts';
import type { NewId } from '../ids.ts';
import type { Journal } from '../journal/journal.ts';
import type { Policy } from '../policy/policy.ts';
import type { Recorder } from '../projections/recording/recorder.ts';
import type { SecretVault } from '../tools/secret-vault.ts';
import type { Toolbox } from '../tools/toolbox.ts';
import type { Lanes } from './lanes.ts';
import type { Starter } from './run/starter.ts';

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
  recorder: Recorder;
  journal: Pick<Journal, 'read' | 'readMany'>;
  /** Makes the summaries that somebody asks for. */
  compactor: Compactor;
  toolbox: Toolbox;
  policy: Policy;
  secrets: SecretVault;
  starter: Starter;
  newId: NewId;
  /** Epoch milliseconds. */
  now(): number;
  /** Finding memories by what they mean. */
  meanings: Meanings;
  /** Commands on one session, one at a time. */
  lanes: Lanes;
  settings: CommandSettings;
}

/** Who asks. Owns what it creates, and sees nothing else; with `approve:any` also the questions of others' runs. */
export interface Viewer {
  principal: string;
  scopes: readonly string[];
}
