import { randomUUID } from 'node:crypto';
import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3';
import { PrismaPg } from '@prisma/adapter-pg';
import { ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import type { Pool, QueryResult } from 'pg';

/** Connects the schema engine to SQLite. Its shadow databases are in memory. */
export class SqliteForEngine extends PrismaBetterSqlite3 {
  /**
   * The stock adapter prepares one statement at a time, but a migration file has many. It also rejects double quotes around a
   * text, which the engine uses.
   */
  override async connectToShadowDb(): ReturnType<PrismaBetterSqlite3['connectToShadowDb']> {
    const connection = await super.connectToShadowDb();
    const executeOne = connection.executeRaw.bind(connection);
    connection.executeRaw = async (query) => {
      if (query.args.length > 0) return executeOne(query);
      await connection.executeScript(query.sql);
      return 0;
    };
    const queryRaw = connection.queryRaw.bind(connection);
    connection.queryRaw = (query) => queryRaw({ ...query, sql: query.sql.replace(/name = "(\w+)"/, "name = '$1'") });
    return connection;
  }
}

/** Type ids of Postgres: the one-byte `"char"` of the catalogue, which the stock adapter does not know, and `bpchar`. */
const CHAR = 18;
const BPCHAR = 1042;

/** Connects the schema engine to Postgres of any version. Its shadow databases are created on the same server and dropped. */
export class PostgresForEngine extends PrismaPg {
  readonly #url: string;

  constructor(url: string) {
    super({ connectionString: url, max: 2 });
    this.#url = url;
  }

  /** The stock adapter splits a script at every semicolon, also inside functions. Here it runs in one round trip. */
  override async connect(): ReturnType<PrismaPg['connect']> {
    const connection = await super.connect();
    const pool = connection.underlyingDriver();
    readCharColumns(connection);
    connection.executeScript = async (script) => {
      await pool.query(script);
    };
    return connection;
  }

  /** The stock adapter drops the database while its own pool is still connected to it. */
  override async connectToShadowDb(): ReturnType<PrismaPg['connect']> {
    const url = new URL(this.#url);
    const name = `runtape_shadow_${randomUUID().replaceAll('-', '')}`;
    const admin = await super.connect();
    await admin.executeScript(`CREATE DATABASE ${name}`);
    url.pathname = `/${name}`;
    const shadow = await new PostgresForEngine(url.href).connect();
    const dispose = shadow.dispose.bind(shadow);
    shadow.dispose = async () => {
      await dispose();
      await admin.executeScript(`DROP DATABASE ${name}`);
      await admin.dispose();
    };
    return shadow;
  }
}

/** Presents columns of type `"char"` to the driver as text, and to the engine as the characters that it expects. */
function readCharColumns(connection: Awaited<ReturnType<PrismaPg['connect']>>): void {
  const pool = connection.underlyingDriver();
  const charColumns = new WeakMap<unknown[], number[]>();
  const query = pool.query.bind(pool) as (...parameters: unknown[]) => Promise<QueryResult>;
  const patchedQuery = async (...parameters: unknown[]) => {
    const result = await query(...parameters);
    const columns = (result.fields ?? []).flatMap(({ dataTypeID }, index) => (dataTypeID === CHAR ? [index] : []));
    for (const field of result.fields ?? []) if (field.dataTypeID === CHAR) field.dataTypeID = BPCHAR;
    if (columns.length > 0) charColumns.set(result.rows, columns);
    return result;
  };
  pool.query = patchedQuery as Pool['query'];
  const queryRaw = connection.queryRaw.bind(connection);
  connection.queryRaw = async (statement) => {
    const result = await queryRaw(statement);
    for (const index of charColumns.get(result.rows) ?? []) result.columnTypes[index] = ColumnTypeEnum.Character;
    return result;
  };
}
