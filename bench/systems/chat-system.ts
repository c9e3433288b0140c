/** The times of one message and its response, in milliseconds of the clock that all processes share. */
export interface MessageTiming {
  sentAt: number;
  /** When the client received the first token. */
  firstAt: number;
  /** When the client knew that the response had ended. */
  endedAt: number;
  tokens: number;
  /** The delay of each token from the model to the client. Empty unless requested. */
  delays: number[];
  /** Whether the server reported that the response is complete. */
  isDone: boolean;
}

/** A client with one connection, which sends one message at a time. */
export interface ChatClient {
  send(text: string, recordDelays: boolean): Promise<MessageTiming>;
  close(): void;
}

/** A server that answers messages with the output of the model. */
export interface ChatServer {
  processId: number;
  connect(): Promise<ChatClient>;
  stop(): Promise<void>;
}

export interface ChatSystem {
  name: string;
  /** @param modelUrl address of the model, without `/chat/completions` */
  start(modelUrl: string): Promise<ChatServer>;
}
