import type { BoundGroup } from '../batch-statement.ts';
import type { Parameter, Statement } from '../statement.ts';
import type { Connection } from './connection.ts';

type Columns<Row> = Pick<Statement<Row>, 'columns' | 'sqlite'>;

/** A call of a method of `Connection`, as a message to a thread. */
export type ConnectionCall =
  | { method: 'select'; statement: Columns<unknown>; parameters: readonly Parameter[] }
  | { method: 'commit'; groups: readonly BoundGroup[] }
  | { method: 'truncateLog' };

/** Returns what the method returns. Throws the errors of the driver. */
export function execute(connection: Connection, call: ConnectionCall): unknown {
  switch (call.method) {
    case 'select':
      return connection.select(call.statement, call.parameters);
    case 'commit':
      return connection.commit(call.groups);
    case 'truncateLog':
      return connection.truncateLog();
    default:
      return call satisfies never;
  }
}

/** The methods of `Connection`, some of whose calls are executed in a thread. They reject with a StoreError or an error of the driver. */
export interface AsynchronousConnection {
  select<Row>(statement: Columns<Row>, parameters: readonly Parameter[]): Promise<Row[]>;
  commit(groups: readonly BoundGroup[]): Promise<void>;
  truncateLog(): Promise<boolean>;
}

/** @param perform resolves with what the method returns */
export function asynchronousConnection(perform: (call: ConnectionCall) => Promise<unknown>): AsynchronousConnection {
  return {
    async select<Row>({ columns, sqlite }: Columns<Row>, parameters: readonly Parameter[]) {
      // The rows are made by the columns of this statement.
      return (await perform({ method: 'select', statement: { columns, sqlite }, parameters })) as Row[];
    },
    async commit(groups) {
      await perform({ method: 'commit', groups });
    },
    truncateLog: async () => (await perform({ method: 'truncateLog' })) === true,
  };
}
