import {
  MCP_BATCH_MESSAGES,
  MCP_MESSAGE_BYTES,
  MCP_MESSAGE_LEVELS,
  MCP_MESSAGE_MEMBERS,
  MCP_MESSAGE_VALUES,
  MCP_OUTER_MEMBERS,
} from '../../config/limits.ts';
import { JsonMeter } from '../../json-size.ts';

/** The members of a message, of its result or parameters, and of the objects in these. The SDK copies and checks each several times. */
const OUTER_LEVELS = 3;

/** Measures one message while it arrives, so that a harmful one is never parsed. */
export class MessageMeter {
  readonly #json = new JsonMeter(OUTER_LEVELS);
  bytes = 0;

  add(chunk: Uint8Array, start: number, end: number): void {
    this.addBytes(end - start);
    this.addJson(chunk, start, end);
  }

  /** Counts bytes that are not part of the JSON text, or that `addJson` measures. */
  addBytes(count: number): void {
    this.bytes += count;
  }

  addJson(chunk: Uint8Array, start: number, end: number): void {
    this.#json.add(chunk, start, end);
  }

  reset(): void {
    this.bytes = 0;
    this.#json.reset();
  }

  /** Why the message is not read, for people; null if it is within the limits. */
  problem(): string | null {
    const { levels, values, members, outerMembers, separators } = this.#json;
    if (this.bytes > MCP_MESSAGE_BYTES) return `It sent a message longer than ${MCP_MESSAGE_BYTES} bytes.`;
    if (separators >= MCP_BATCH_MESSAGES) return `It sent more than ${MCP_BATCH_MESSAGES} messages at once.`;
    if (levels > MCP_MESSAGE_LEVELS) return `It sent a message with more than ${MCP_MESSAGE_LEVELS} levels.`;
    if (values > MCP_MESSAGE_VALUES) return `It sent a message with more than ${MCP_MESSAGE_VALUES} values.`;
    if (members > MCP_MESSAGE_MEMBERS) return `It sent a message with more than ${MCP_MESSAGE_MEMBERS} members.`;
    if (outerMembers <= MCP_OUTER_MEMBERS) return null;
    return `It sent a message with more than ${MCP_OUTER_MEMBERS} members in its first ${OUTER_LEVELS} levels.`;
  }
}
