import type { Series } from './result.ts';

/** The values of one measurement by metric, and the number of failed responses. */
export interface Sample {
  values: { metric: string; unit: string; value: number }[];
  errors: number;
}

/** Measures each subject once per round, so that a temporarily slow machine affects all of them. */
export async function measureInRounds<Subject extends { name: string }>(
  rounds: number,
  subjects: readonly Subject[],
  measure: (subject: Subject, round: number) => Promise<Sample>,
): Promise<{ series: Series[]; errors: number }> {
  const seriesByKey = new Map<string, Series>();
  let errors = 0;
  for (let round = 0; round < rounds; round += 1) {
    for (const subject of subjects) {
      const sample = await measure(subject, round);
      errors += sample.errors;
      for (const { metric, unit, value } of sample.values) {
        const key = `${subject.name}/${metric}`;
        const series = seriesByKey.get(key) ?? { subject: subject.name, metric, unit, values: [] };
        series.values.push(value);
        seriesByKey.set(key, series);
      }
    }
  }
  return { series: [...seriesByKey.values()], errors };
}
