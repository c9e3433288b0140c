import type { DocumentTypes } from '@runtape/client';

/** The text of an operation, with the types of its data and variables. */
export type Document<Data, Variables> = string & DocumentTypes<Data, Variables>;
