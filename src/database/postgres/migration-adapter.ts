import { randomUUID } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import { ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import type { Pool, QueryResult } from 'pg';

/** Ids of the catalogue's one-byte type, which the stock adapter does not know, and of a text. */
const CHAR = 18;
const BPCHAR = 1042;

/**
 * The driver as the migration engine needs it. A script runs whole, in one round trip and so in one transaction: the stock one
 * splits it at every semicolon, those inside of functions too.
 */
export class PostgresMigrations extends PrismaPg {
  readonly #url: string;

  constructor(url: string) {
    super({ connectionString: url, max: 2 });
    this.#url = url;
  }

  override async connect(): ReturnType<PrismaPg['connect']> {
    const connection = await super.connect();
    const pool = connection.underlyingDriver();
    readCharacters(connection);
    connection.executeScript = async (script) => {
      await pool.query(script);
    };
    return connection;
  }

  /** The stock one drops the database while its own pool still holds it open. */
  override async connectToShadowDb(): ReturnType<PrismaPg['connect']> {
    const url = new URL(this.#url);
    const name = `runtape_shadow_${randomUUID().replaceAll('-', '')}`;
    const admin = await super.connect();
    await admin.executeScript(`CREATE DATABASE ${name}`);
    url.pathname = `/${name}`;
    const shadow = await new PostgresMigrations(url.href).connect();
    const dispose = shadow.dispose.bind(shadow);
    shadow.dispose = async () => {
      await dispose();
      await admin.executeScript(`DROP DATABASE ${name}`);
      await admin.dispose();
    };
    return shadow;
  }
}

/** Columns of the one-byte type are told to the driver as a text, and to the engine as the character that it asks for. */
function readCharacters(connection: Awaited<ReturnType<PrismaPg['connect']>>): void {
  const pool = connection.underlyingDriver();
  const characters = new WeakMap<unknown[], number[]>();
  const query = pool.query.bind(pool) as (...parameters: unknown[]) => Promise<QueryResult>;
  const reading = async (...parameters: unknown[]) => {
    const result = await query(...parameters);
    const columns = (result.fields ?? []).flatMap(({ dataTypeID }, index) => (dataTypeID === CHAR ? [index] : []));
    for (const field of result.fields ?? []) if (field.dataTypeID === CHAR) field.dataTypeID = BPCHAR;
    if (columns.length > 0) characters.set(result.rows, columns);
    return result;
  };
  pool.query = reading as Pool['query'];
  const queryRaw = connection.queryRaw.bind(connection);
  connection.queryRaw = async (read) => {
    const result = await queryRaw(read);
    for (const index of characters.get(result.rows) ?? []) result.columnTypes[index] = ColumnTypeEnum.Character;
    return result;
  };
}
