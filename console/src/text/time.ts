const units = [
  ['day', 86_400],
  ['h', 3_600],
  ['min', 60],
] as const;

/** "2 min ago", "in 23 h", "just now". */
export function relativeTime(at: string, now: number): string {
  const seconds = Math.round((Date.parse(at) - now) / 1000);
  const [name, size] = units.find(([, length]) => Math.abs(seconds) >= length) ?? ['s', 1];
  if (Math.abs(seconds) < 5) return 'just now';
  const count = Math.floor(Math.abs(seconds) / size);
  const amount = `${count} ${name === 'day' && count !== 1 ? 'days' : name}`;
  return seconds < 0 ? `${amount} ago` : `in ${amount}`;
}

/** "3 ms", "14.2 s", "2 min 5 s", "2 h 10 min", "3 days". */
export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.max(0, Math.round(milliseconds))} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const parts = [
    [Math.floor(seconds / 86_400), 'days'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [Math.floor(seconds) % 60, 's'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit === 'days' && count === 1 ? 'day' : unit}`)
    .join(' ');
}

const exact = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

export function exactTime(at: string): string {
  return `${exact.format(new Date(at))} (${at})`;
}
