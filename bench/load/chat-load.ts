import { now } from '../measure/clock.ts';
import { type Prompt, promptText } from '../model/prompt.ts';
import type { ChatClient, ChatServer, MessageTiming } from '../systems/chat-system.ts';

export interface ChatLoad {
  prompt: Prompt;
  /** Clients that send at the same time. */
  clients: number;
  seconds: number;
  /** Whether to record the delay of each token. */
  recordDelays?: boolean;
}

export interface ChatLoadResult {
  timings: MessageTiming[];
  /** From the first message to the end of the last one. */
  seconds: number;
  errors: number;
}

const PRINTED_ERRORS = 3;

/** Sends messages for some seconds. Each client sends its next message when the last one has its response. */
export async function runChatLoad(
  server: Pick<ChatServer, 'connect'>,
  { prompt, clients, seconds, recordDelays = false }: ChatLoad,
): Promise<ChatLoadResult> {
  const text = promptText(prompt);
  const timings: MessageTiming[] = [];
  let errors = 0;
  const connected = await Promise.all(Array.from({ length: clients }, () => server.connect()));
  const begin = now();
  const end = begin + seconds * 1000;
  const sendUntilEnd = async (client: ChatClient) => {
    while (now() < end) {
      try {
        const timing = await client.send(text, recordDelays);
        if (timing.isDone && timing.tokens === prompt.tokens) timings.push(timing);
        else errors += 1;
      } catch (error) {
        errors += 1;
        if (errors <= PRINTED_ERRORS) console.error(error);
      }
    }
  };
  await Promise.all(connected.map(sendUntilEnd));
  const elapsedSeconds = (now() - begin) / 1000;
  for (const client of connected) client.close();
  return { timings, seconds: elapsedSeconds, errors };
}
