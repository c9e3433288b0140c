export interface ClientTool {
  description: string;
  /** JSON Schema of the input. */
  inputSchema: object;
  /** May be called more than once with the same `callId`: after a reload, and in another tab. */
  execute(input: unknown, context: { callId: string; signal: AbortSignal }): unknown;
}

/** What a message says about a tool. */
export type ClientToolInput = Omit<ClientTool, 'execute'> & { name: string };

export type ClientToolSet = Readonly<Record<string, ClientTool>>;

export const declarationsOf = (sets: Iterable<{ tools: ClientToolSet }>): ClientToolInput[] =>
  [...sets].flatMap(({ tools }) =>
    Object.entries(tools).map(([name, { description, inputSchema }]) => ({ name, description, inputSchema })),
  );
