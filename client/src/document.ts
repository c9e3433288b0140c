/** The types of an operation's data and variables. Documents of graphql-codegen and `TypedDocumentNode` carry them. There is no such member at run time. */
export interface DocumentTypes<Data, Variables> {
  __apiType?: (variables: Variables) => Data;
}

/** The text of an operation. */
export type Document<Data, Variables> = string & DocumentTypes<Data, Variables>;
