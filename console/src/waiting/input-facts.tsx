import { Fact, Facts, Words } from '../parts/text.tsx';
import { json } from '../text/figures.ts';
import { bothEnds } from '../text/visible-text.ts';

const VALUE_CHARACTERS = 1_200;

/** Members of the input, each in full up to a length, with both ends. */
export function InputFacts({ input }: { input: unknown }) {
  const members = typeof input === 'object' && input !== null ? Object.entries(input) : [['input', input]];
  return (
    <Facts>
      {members.map(([name, value]) => (
        <Fact key={String(name)} name={String(name)}>
          <span className="value">
            <Words isStrict>{bothEnds(typeof value === 'string' ? value : json(value), VALUE_CHARACTERS)}</Words>
          </span>
        </Fact>
      ))}
    </Facts>
  );
}
