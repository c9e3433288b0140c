import type { BatchStatement, RowWrite } from '../../database/batch-statement.ts';
import type { SequencedEvent } from '../../domain/events.ts';
import type { Run } from '../../domain/run.ts';
import { passagesOf } from '../../domain/search/passages.ts';

/** What stands in the index: what was said in sessions and their titles, and memories. Neither is found with the other. */
export type IndexKind = 'conversation' | 'memory';

/** Private characters, which are in no word that is searched for: a look into the index finds one owner's alone. */
const marks = { conversation: 0xe000, memory: 0xe001 } as const;

/** The first word of every passage of an owner. */
export function ownerToken(shelf: IndexKind, owner: string): string {
  return String.fromCharCode(marks[shelf]) + Buffer.from(owner).toString('hex');
}

const markOf = (shelf: IndexKind, owner: string) => ({
  sqlite: `char(${marks[shelf]}) || lower(hex(${owner}))`,
  postgresql: `chr(${marks[shelf]}) || encode(convert_to(${owner}, 'UTF8'), 'hex')`,
});

interface IndexShape {
  name: string;
  order: number;
  shelf: IndexKind;
  /** The table that knows the owner, and what of it must hold. */
  holder: string;
  sessionId: string;
  condition?: (element: (name: string) => string) => string;
}

function indexStatement({ name, order, shelf, holder, sessionId, condition }: IndexShape): BatchStatement {
  const mark = markOf(shelf, 'holder."owner"');
  const insert = (dialect: 'sqlite' | 'postgresql', element: (column: string) => string, rows: string) => `
    INSERT INTO "Passage" ("sourceId", "seq", "part", "start", "sessionId", "words")
    SELECT ${['sourceId', 'seq', 'part', 'start'].map(element).join(', ')}, ${sessionId}, ${mark[dialect]} || ' ' || ${element('words')}
    FROM ${rows} JOIN "${holder}" AS holder ON holder."id" = ${element('holderId')}
    WHERE ${condition?.(element) ?? 'true'}
    ON CONFLICT ("sourceId", "seq", "part") DO UPDATE SET "start" = excluded."start", "words" = excluded."words"`;
  return {
    name,
    order,
    distinct: ['sourceId', 'seq', 'part'],
    sqlite: insert('sqlite', (column) => `(element.value ->> '${column}')`, 'json_each(?) AS element'),
    postgresql: insert(
      'postgresql',
      (column) => `element."${column}"`,
      `jsonb_to_recordset($1::jsonb) AS element("sourceId" text, "seq" int, "part" int, "start" int, "words" text, "holderId" text, "title" text)`,
    ),
  };
}

const indexSaid = indexStatement({
  name: 'index what was said',
  order: 80,
  shelf: 'conversation',
  holder: 'Session',
  sessionId: 'holder."id"',
});

/** Only the title that the session has: one that was given by hand may stand in the way of another. */
const indexTitleStatement = indexStatement({
  name: 'index title',
  order: 81,
  shelf: 'conversation',
  holder: 'Session',
  sessionId: 'holder."id"',
  condition: (element) => `holder."title" = ${element('title')}`,
});

const indexMemoryStatement = indexStatement({
  name: 'index memory',
  order: 82,
  shelf: 'memory',
  holder: 'Memory',
  sessionId: 'holder."sessionId"',
});

const deleteStatement: BatchStatement = {
  name: 'delete passages',
  order: 2,
  distinct: ['sourceId'],
  sqlite: `DELETE FROM "Passage" WHERE "sourceId" IN (SELECT element.value ->> 'sourceId' FROM json_each(?) AS element)`,
  postgresql: `DELETE FROM "Passage" WHERE "sourceId" IN (
    SELECT element."sourceId" FROM jsonb_to_recordset($1::jsonb) AS element("sourceId" text))`,
};

/** Takes what is indexed of a run, session title or memory out of the index. */
export function deletePassages(sourceId: string): RowWrite {
  return { statement: deleteStatement, row: { sourceId } };
}

/** What the events add to what can be found: messages and answers. Goes into their append. */
export function conversationPassages(run: Run, events: readonly SequencedEvent[]): RowWrite[] {
  return events.flatMap((event) => {
    if (event.type !== 'input' && event.type !== 'output') return [];
    const { seq, payload } = event;
    const place = { sourceId: run.runId, seq, holderId: run.origin.sessionId };
    return passagesOf(payload.text).map((passage) => ({ statement: indexSaid, row: { ...place, ...passage } }));
  });
}

/** To be written with the title, behind `unindex` where there may have been another one. */
export function titlePassages(sessionId: string, title: string | null): RowWrite[] {
  const place = { sourceId: sessionId, seq: 0, holderId: sessionId, title };
  return passagesOf(title ?? '').map((passage) => ({
    statement: indexTitleStatement,
    row: { ...place, ...passage },
  }));
}

/** The rows of a memory's text and tags, in place of those that it had. */
export function memoryPassages(memory: { id: string; text: string; tags: readonly string[] }): RowWrite[] {
  const place = { sourceId: memory.id, seq: 0, holderId: memory.id };
  const passages = passagesOf([memory.text, ...memory.tags].join('\n'));
  return [
    deletePassages(memory.id),
    ...passages.map((passage) => ({ statement: indexMemoryStatement, row: { ...place, ...passage } })),
  ];
}
