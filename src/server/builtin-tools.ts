import { remember } from '../application/change-memories.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../database/database.ts';
import { isRefusal } from '../domain/refusal.ts';
import type { NewId } from '../ids.ts';
import { searchMemories } from '../projections/memories.ts';
import { createClockTool } from '../tools/clock-tool.ts';
import { createFileTools } from '../tools/files/file-tools.ts';
import type { Folder } from '../tools/files/folder.ts';
import { createHttpFetch } from '../tools/http-fetch.ts';
import { createMemoryTools, type Memories } from '../tools/memory-tools.ts';
import type { Tool } from '../tools/tool.ts';

interface Options {
  database: Database;
  newId: NewId;
  clock: Clock;
  /** Where the file tools work; without it there are none. */
  files: Folder | null;
}

/** The tools that come with the gateway, in the order in which they are listed. */
export function builtinTools(options: Options): Tool[] {
  const { clock, files } = options;
  return [
    createClockTool(clock),
    ...createMemoryTools(memoriesOf(options)),
    createHttpFetch(),
    ...(files ? createFileTools(files) : []),
  ];
}

function memoriesOf({ database, newId, clock }: Omit<Options, 'files'>): Memories {
  return {
    async search({ owner, sessionId, query, limit }) {
      const visible = { owner, sessionId, now: new Date(clock.now()) };
      const found = await searchMemories(database.reader, visible, query, limit);
      return found.map(({ memory: { id, text, tags } }) => ({ id, text, tags }));
    },
    async save({ owner, sessionId, text, tags }) {
      const context = { database, newId, now: clock.now };
      const saved = await remember(context, { principal: owner }, { text, tags, sessionId });
      if (isRefusal(saved)) throw new Error(saved.message);
      return { id: saved.memoryId };
    },
  };
}
