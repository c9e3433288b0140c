/** The server or a command cannot start. The message tells the operator what to do; it can have several lines. */
export class StartError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'StartError';
  }
}
