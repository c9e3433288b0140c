import { databaseTime } from '../../src/database/batch-statement.ts';
import type { Client } from '../../src/database/database.ts';
import { type Condition, conditionOf, type FindOptions, find, type Row, type Where } from './reader.ts';
import type { Store } from './store.ts';

/** The part of the Prisma client with which the ledger of budgets writes, in transactions only. */
export function createLedgerClient(store: Store): Client {
  const table = (name: string) => ({ findMany: async (options: FindOptions) => find(store, name, options) });
  const transaction = {
    lease: { findUnique: async (options: FindOptions) => find(store, 'Lease', options)[0] ?? null },
    budgetUse: {
      ...table('BudgetUse'),
      async upsert({
        create: { key, spent, endsAt },
      }: {
        create: { key: string; spent: number; endsAt: Date | null };
      }) {
        store.execute(
          `INSERT INTO "BudgetUse" ("key", "spent", "endsAt") VALUES (?, ?, ?)
            ON CONFLICT ("key") DO UPDATE SET "spent" = "spent" + excluded."spent"`,
          key,
          spent,
          endsAt && databaseTime(endsAt),
        );
      },
    },
    budgetReservation: {
      ...table('BudgetReservation'),
      async createMany({ data }: { data: readonly Row[] }) {
        for (const { runId, epoch, key, owner, kind, amount, endsAt } of data) {
          store.execute(
            `INSERT INTO "BudgetReservation" ("runId", "epoch", "key", "owner", "kind", "amount", "endsAt")
              VALUES (?, ?, ?, ?, ?, ?, ?)`,
            ...[runId, epoch, key, owner, kind, amount].map((value) => value as string | number),
            endsAt instanceof Date ? databaseTime(endsAt) : null,
          );
        }
      },
      async delete({ where: { runId_key } }: { where: { runId_key: Where } }) {
        const { sql, parameters } = conditionOf(runId_key);
        store.execute(`DELETE FROM "BudgetReservation" WHERE ${sql}`, ...parameters);
      },
      async groupBy({ where }: { where: Where }) {
        const { sql, parameters }: Condition = conditionOf(where);
        const groups = `SELECT "key", sum("amount") AS "amount" FROM "BudgetReservation" WHERE ${sql} GROUP BY "key"`;
        return store.select(groups, ...parameters).map(({ key, amount }) => ({ key, _sum: { amount } }));
      },
    },
    /** Transactions of the simulation run one at a time, so that they need no lock. */
    $queryRawUnsafe: async () => [],
  };
  const client = {
    $transaction: (work: (transaction: unknown) => Promise<unknown>) => store.transaction(() => work(transaction)),
  };
  return client as unknown as Client;
}
