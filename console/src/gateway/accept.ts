interface Result {
  __typename: string;
}

/** A mutation that was refused: what the gateway said, and the type of the refusal. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly refusal: Result & { message: string };

  constructor(refusal: Result & { message: string }, message: string) {
    super(message);
    this.refusal = refusal;
  }
}

/** Returns the success of a mutation. Throws what is a refusal. */
export function accept<Any extends Result>(result: Any): Extract<Any, { __typename: `${string}Success` }> {
  if (result.__typename.endsWith('Success')) return result as never;
  const refusal = result as unknown as Result & {
    message: string;
    issues?: readonly { path: readonly string[]; message: string }[];
  };
  const issues = (refusal.issues ?? []).map(({ path, message }) =>
    [path.join('.'), message].filter(Boolean).join(': '),
  );
  throw new Refused(refusal, [refusal.message, ...issues].join(' '));
}

/** What a person is told about an error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
