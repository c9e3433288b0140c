import type { Client, Database } from '../database/database.ts';
import type { BudgetReservation } from '../database/generated/sqlite/client.ts';
import { lockName } from '../database/locks.ts';
import { statement } from '../database/statement.ts';
import type { AccountUse, BudgetAccount, BudgetDecision, BudgetKind } from '../domain/budget.ts';

type Transaction = Omit<Client, '$connect' | '$disconnect' | '$on' | '$transaction' | '$extends'>;

/** The call of a model under the lease of its run. */
export interface BudgetCall {
  runId: string;
  epoch: number;
  owner: string;
}

/** What a call used, in the unit of each kind. */
export type UsedAmounts = Readonly<Record<BudgetKind, number>>;

/**
 * Decides about a call on what the accounts have used, and stores a reservation for each account that the decision charges. Calls of one principal are decided one after
 * another, on all servers, so that they never use more than their budgets together. A reservation that the run still has, from an
 * executor that was lost, is charged first.
 */
export function reserveBudget(
  database: Database,
  call: BudgetCall,
  accounts: readonly BudgetAccount[],
  decide: (uses: ReadonlyMap<string, AccountUse>) => BudgetDecision,
): Promise<BudgetDecision> {
  return inLedger(database, call.owner, async (transaction) => {
    await charge(transaction, await transaction.budgetReservation.findMany({ where: { runId: call.runId } }));
    const decision = decide(await usesOf(transaction, accounts));
    if (decision.kind === 'exceeded') return decision;
    const charged = accounts.flatMap(({ key, kind, endsAt }) => {
      const amount = decision.amounts.get(key);
      const until = endsAt === null ? null : new Date(endsAt);
      return amount === undefined ? [] : [{ ...call, key, kind, amount, endsAt: until }];
    });
    await transaction.budgetReservation.createMany({ data: charged });
    return decision;
  });
}

/**
 * Decides about a call that no run makes, and charges what it may use at once: without a lease, nobody would charge the reservation
 * of a server that was lost.
 */
export function chargeAtOnce(
  database: Database,
  owner: string,
  accounts: readonly BudgetAccount[],
  decide: (uses: ReadonlyMap<string, AccountUse>) => BudgetDecision,
): Promise<BudgetDecision> {
  return inLedger(database, owner, async (transaction) => {
    const decision = decide(await usesOf(transaction, accounts));
    if (decision.kind === 'exceeded') return decision;
    for (const account of accounts) await addUse(transaction, account, decision.amounts.get(account.key) ?? 0);
    return decision;
  });
}

/** Corrects what was charged at once, to what the call used. */
export function correctCharge(
  database: Database,
  owner: string,
  accounts: readonly BudgetAccount[],
  charged: ReadonlyMap<string, number>,
  used: UsedAmounts,
): Promise<void> {
  return inLedger(database, owner, async (transaction) => {
    for (const account of accounts) {
      await addUse(transaction, account, used[account.kind] - (charged.get(account.key) ?? 0));
    }
  });
}

/** Charges what a call used and releases its reservation. Does nothing if the reservation was charged as a whole before. */
export function settleBudget(database: Database, call: BudgetCall, used: UsedAmounts): Promise<void> {
  return inLedger(database, call.owner, async (transaction) => {
    const { runId, epoch } = call;
    const reservations = await transaction.budgetReservation.findMany({ where: { runId, epoch } });
    await charge(
      transaction,
      reservations.map((reservation) => ({ ...reservation, amount: used[reservation.kind] })),
    );
  });
}

const abandoned = statement<{ runId: string; owner: string }>(
  { runId: 'text', owner: 'text' },
  () => `SELECT DISTINCT "BudgetReservation"."runId", "BudgetReservation"."owner" FROM "BudgetReservation"
    LEFT JOIN "Lease" ON "Lease"."runId" = "BudgetReservation"."runId" AND "Lease"."epoch" = "BudgetReservation"."epoch"
      AND "Lease"."holder" IS NOT NULL
    WHERE "Lease"."runId" IS NULL LIMIT 100`,
);

/**
 * Charges the reservations of calls whose executor was lost, each as a whole: nobody knows how much the provider has charged. Call
 * it every few seconds.
 */
export async function chargeAbandonedCalls(database: Database): Promise<void> {
  for (const { runId, owner } of await database.query(abandoned)) {
    await inLedger(database, owner, async (transaction) => {
      const reservations = await transaction.budgetReservation.findMany({ where: { runId } });
      const lease = await transaction.lease.findUnique({ where: { runId } });
      const isHeld = ({ epoch }: BudgetReservation) => lease?.holder != null && lease.epoch === epoch;
      await charge(
        transaction,
        reservations.filter((reservation) => !isHeld(reservation)),
      );
    });
  }
}

/** Deletes the accounts of periods that ended before this time. */
export async function dropEndedAccounts({ write }: Database, before: Date): Promise<void> {
  await write((client) => client.budgetUse.deleteMany({ where: { endsAt: { lt: before } } }));
}

/** One transaction at a time for the budgets of a principal. */
function inLedger<Result>(
  database: Database,
  owner: string,
  work: (transaction: Transaction) => Promise<Result>,
): Promise<Result> {
  return database.write((client) =>
    client.$transaction(async (transaction) => {
      await lockName(database, transaction, `budgets of ${owner}`);
      return work(transaction);
    }),
  );
}

async function usesOf(
  transaction: Transaction,
  accounts: readonly BudgetAccount[],
): Promise<ReadonlyMap<string, AccountUse>> {
  const keys = { key: { in: accounts.map(({ key }) => key) } };
  const spent = await transaction.budgetUse.findMany({ where: keys });
  const reserved = await transaction.budgetReservation.groupBy({ by: 'key', where: keys, _sum: { amount: true } });
  return new Map(
    accounts.map(({ key }) => [
      key,
      {
        spent: spent.find((row) => row.key === key)?.spent ?? 0,
        reserved: reserved.find((row) => row.key === key)?._sum.amount ?? 0,
      },
    ]),
  );
}

/** Adds the amounts to the accounts and removes the reservations. */
async function charge(transaction: Transaction, reservations: readonly BudgetReservation[]): Promise<void> {
  for (const { runId, key, amount, endsAt } of reservations) {
    await addUse(transaction, { key, endsAt: endsAt?.getTime() ?? null }, amount);
    await transaction.budgetReservation.delete({ where: { runId_key: { runId, key } } });
  }
}

async function addUse(
  transaction: Transaction,
  { key, endsAt }: Pick<BudgetAccount, 'key' | 'endsAt'>,
  amount: number,
): Promise<void> {
  await transaction.budgetUse.upsert({
    where: { key },
    create: { key, spent: amount, endsAt: endsAt === null ? null : new Date(endsAt) },
    update: { spent: { increment: amount } },
  });
}
