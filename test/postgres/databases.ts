import { randomUUID } from 'node:crypto';
import pg from 'pg';

/** An empty database, or a copy of another one that nobody uses. */
export async function createDatabase(admin: string, template?: string): Promise<{ url: string; name: string }> {
  const name = `runtape_test_${randomUUID().replaceAll('-', '')}`;
  await perform(admin, `CREATE DATABASE ${name}${template ? ` TEMPLATE ${template}` : ''}`);
  const url = new URL(admin);
  url.pathname = `/${name}`;
  return { url: url.href, name };
}

/** Ends whoever still uses it. */
export function dropDatabase(admin: string, name: string): Promise<void> {
  return perform(admin, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
}

async function perform(url: string, sql: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
