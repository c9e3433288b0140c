/** How one message was answered, by the clock that all processes share. */
export interface Ride {
  sentAt: number;
  /** When the first token was at the client. */
  firstAt: number;
  /** When the client knew how it had ended. */
  endedAt: number;
  tokens: number;
  /** Of each token: from the model to the client. Empty unless they were asked for. */
  delays: number[];
  /** Whether it said of itself that it had ended well. */
  isDone: boolean;
}

/** What a user has in front of them: one connection, one message at a time. */
export interface User {
  talk(text: string, timed: boolean): Promise<Ride>;
  close(): void;
}

/** A server that answers messages with what the model says. */
export interface Talker {
  processId: number;
  connect(): Promise<User>;
  stop(): Promise<void>;
}

export interface Contestant {
  name: string;
  /** @param modelUrl address of the model, up to and without `/chat/completions` */
  start(modelUrl: string): Promise<Talker>;
}
