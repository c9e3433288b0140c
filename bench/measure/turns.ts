import type { Series } from './result.ts';

/** What one measurement gave: values by what they are, and what went wrong. */
export interface Sample {
  values: { what: string; unit: string; value: number }[];
  errors: number;
}

/** Measures everybody once, then everybody again: what slows the machine down for a while then slows all of them down. */
export async function inTurns<Subject extends { name: string }>(
  rounds: number,
  subjects: readonly Subject[],
  measure: (subject: Subject, round: number) => Promise<Sample>,
): Promise<{ series: Series[]; errors: number }> {
  const series = new Map<string, Series>();
  let errors = 0;
  for (let round = 0; round < rounds; round += 1) {
    for (const subject of subjects) {
      const sample = await measure(subject, round);
      errors += sample.errors;
      for (const { what, unit, value } of sample.values) {
        const key = `${subject.name}/${what}`;
        const known = series.get(key) ?? { who: subject.name, what, unit, values: [] };
        known.values.push(value);
        series.set(key, known);
      }
    }
  }
  return { series: [...series.values()], errors };
}
