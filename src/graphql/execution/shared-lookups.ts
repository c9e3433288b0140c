/**
 * Answers of what is asked with the same key within one turn of the event loop are one: a crowd that is woken together asks
 * together. Nobody gets an answer that was begun before he asked.
 */
export function createSharedLookups(): <Answer>(key: string, look: () => Promise<Answer>) => Promise<Answer> {
  const asked = new Map<string, Promise<unknown>>();
  return <Answer>(key: string, look: () => Promise<Answer>) => {
    // A key always stands for the same question.
    const known = asked.get(key) as Promise<Answer> | undefined;
    if (known !== undefined) return known;
    const answer = new Promise<void>((resolve) => {
      setImmediate(resolve);
    }).then(() => {
      asked.delete(key);
      return look();
    });
    asked.set(key, answer);
    return answer;
  };
}
