/**
 * The name under which every connection prepares a statement with this text, so that Postgres parses it once for each connection.
 * Undefined for a statement that is not to be prepared.
 */
export type StatementNames = (sql: string) => string | undefined;

/** Each connection of Postgres keeps all its prepared statements, and clients can cause statements of any number. */
const PREPARED_STATEMENTS = 400;

/** Names the first statements that are run. Those that come after them are parsed each time. */
export function createStatementNames(): StatementNames {
  const names = new Map<string, string>();
  return (sql) => {
    const known = names.get(sql);
    if (known !== undefined || names.size >= PREPARED_STATEMENTS) return known;
    const name = `runtape_${names.size + 1}`;
    names.set(sql, name);
    return name;
  };
}

/** For connection poolers that do not support prepared statements. */
export const unnamedStatements: StatementNames = () => undefined;
