export interface ServerSentEvent {
  /** The type of the event; `message` if the server named none. */
  event: string;
  data: string;
}

/**
 * Reads the text of an event stream as it arrives and calls back for each event. Comments, ids and retry times are left out: the
 * client resumes at the cursors of its own operations.
 */
export function readEventStream(onEvent: (event: ServerSentEvent) => void): (chunk: string) => void {
  let rest = '';
  let event = '';
  let data: string[] = [];

  function readLine(line: string): void {
    if (line === '') {
      if (data.length > 0) onEvent({ event: event || 'message', data: data.join('\n') });
      event = '';
      data = [];
      return;
    }
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === 'event') event = value;
    if (field === 'data') data.push(value);
  }

  return (chunk) => {
    // A `\r` at the end may be the first half of `\r\n`.
    const lines = (rest + chunk).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) readLine(line);
  };
}
