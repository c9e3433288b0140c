/** The samples of a text in the format of Prometheus: values by name and labels, such as `runtape_runs{state="PENDING"}`. */
export function samplesOf(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
}

/** Reads the metrics of a gateway. Rejects unless it answers with 200. */
export async function readMetrics(url: string, headers: Record<string, string> = {}): Promise<Map<string, number>> {
  const response = await fetch(new URL('/metrics', url), { headers });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status}: ${text}`);
  return samplesOf(text);
}

/** The sum of all samples of a metric. */
export function total(samples: ReadonlyMap<string, number>, name: string): number {
  return [...samples].reduce(
    (sum, [key, value]) => (key === name || key.startsWith(`${name}{`) ? sum + value : sum),
    0,
  );
}
