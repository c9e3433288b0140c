import { expect, test } from 'vitest';
import type { Catalogue, CatalogueEntry } from '../../../src/models/catalogue.ts';
import { createCurrentCatalogue } from '../../../src/models/current-catalogue.ts';

/** A catalogue of one name, which notes when it is closed. */
function namedCatalogue(name: string, closed: string[]): Catalogue & AsyncDisposable {
  return {
    defaultName: name,
    names: [name],
    find: () => null,
    [Symbol.asyncDispose]: async () => void closed.push(name),
  };
}

test('B103: a replaced catalogue is closed when the last run that holds it has ended', async () => {
  const closed: string[] = [];
  const current = createCurrentCatalogue(namedCatalogue('old', closed));
  const [one, two] = [current.hold(), current.hold()];
  current.replace(namedCatalogue('new', closed));
  expect([current.defaultName, current.names, one.catalogue.defaultName]).toEqual(['new', ['new'], 'old']);
  one.release();
  expect(closed).toEqual([]);
  const three = current.hold();
  two.release();
  expect([closed, three.catalogue.defaultName]).toEqual([['old'], 'new']);
  three.release();
  expect(closed).toEqual(['old']);
  await current[Symbol.asyncDispose]();
  expect(closed).toEqual(['old', 'new']);
});

test('all catalogues are closed at the end, also those that are held, and each once', async () => {
  const closed: string[] = [];
  const current = createCurrentCatalogue(namedCatalogue('old', closed));
  const held = current.hold();
  current.replace(namedCatalogue('new', closed));
  await current[Symbol.asyncDispose]();
  held.release();
  expect(closed).toEqual(['old', 'new']);
});

test('models are found in the newest catalogue', () => {
  const find = (name: string) => ({ name, provider: 'new' }) as CatalogueEntry;
  const current = createCurrentCatalogue({ defaultName: 'old', names: [], find: () => null });
  current.replace({ defaultName: 'new', names: [], find });
  expect(current.find('m')).toEqual({ name: 'm', provider: 'new' });
});

test('a catalogue without connections needs no closing', async () => {
  const current = createCurrentCatalogue({ defaultName: 'one', names: [], find: () => null });
  await current[Symbol.asyncDispose]();
});

test('a catalogue that nothing holds is closed when it is replaced', () => {
  const closed: string[] = [];
  const current = createCurrentCatalogue(namedCatalogue('old', closed));
  current.replace({ defaultName: 'new', names: [], find: () => null });
  expect(closed).toEqual(['old']);
});
