import { createSource, type Readable } from '../readable.ts';

/** A session that is known by its key or by its id. */
export interface SessionIdentity {
  /** As the API takes it. */
  readonly name: { key: string } | { id: string };
  /** Null until the session exists and is known. */
  readonly id: Readable<string | null>;
  learn(id: string): void;
  /** Learns the id if it is this session. */
  learnFrom(session: { id: string; key: string }): void;
}

export function createSessionIdentity(name: SessionIdentity['name']): SessionIdentity {
  const id = createSource('id' in name ? name.id : null);
  return {
    name,
    id,
    learn: id.set,
    learnFrom(session) {
      if ('key' in name && session.key === name.key) id.set(session.id);
    },
  };
}
