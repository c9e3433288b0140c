import type { CommandContext } from '../application/command-context.ts';
import { findMemories, remember } from '../application/memories.ts';
import type { Clock } from '../clock.ts';
import { isRefusal } from '../domain/refusal.ts';
import { storableText } from '../domain/storable-text.ts';
import { searchHistory } from '../repositories/conversation-search.ts';
import { createAskPerson } from '../tools/ask-person.ts';
import { createClockTool } from '../tools/clock-tool.ts';
import { createFileTools } from '../tools/files/file-tools.ts';
import { type Folder, folderOfPrincipal } from '../tools/files/folder.ts';
import { createHistorySearch, type History } from '../tools/history-search.ts';
import { createHttpFetch } from '../tools/http-fetch.ts';
import type { SchemaChecker } from '../tools/json-schema/schema-checker.ts';
import { createMemoryTools, type Memories } from '../tools/memory-tools.ts';
import type { Tool } from '../tools/tool.ts';

interface Options extends Pick<CommandContext, 'database' | 'newId' | 'mutex' | 'semanticSearch' | 'quotas'> {
  clock: Clock;
  /** Holds the folders of the file tools, one for each principal; null when there are no file tools. */
  files: Folder | null;
  /** Checks the schemas of answers; null when models cannot ask persons. */
  askPerson: Pick<SchemaChecker, 'forParty'> | null;
}

/** The built-in tools, in the order in which they are listed. */
export function builtinTools(options: Options): Tool[] {
  const { clock, files, askPerson } = options;
  return [
    createClockTool(clock),
    ...createMemoryTools(memoriesOf(options)),
    createHistorySearch(historyOf(options)),
    createHttpFetch(),
    ...(askPerson ? [createAskPerson(askPerson)] : []),
    ...(files ? createFileTools((principal) => folderOfPrincipal(files, principal)) : []),
  ];
}

function memoriesOf({ clock, ...options }: Options): Memories {
  const context = { ...options, now: clock.now };
  return {
    async search({ owner, sessionId, query, limit }) {
      const found = await findMemories(context, { principal: owner }, { query, sessionId, limit });
      return found.map(({ memory: { id, text, tags } }) => ({ id, text, tags }));
    },
    async save({ owner, sessionId, text, tags }) {
      const saved = await remember(context, { principal: owner }, { text, tags, sessionId });
      if (isRefusal(saved)) throw new Error(saved.message);
      return { id: saved.memoryId };
    },
  };
}

function historyOf({ database, clock }: Options): History {
  return {
    async search({ owner, query, limit }) {
      const asked = { owner, includeArchived: true, now: clock.now() };
      const found = await searchHistory(database, asked, storableText(query), limit);
      return found.map(({ title, at, snippet }) => ({ sessionTitle: title, at: new Date(at).toISOString(), snippet }));
    },
  };
}
