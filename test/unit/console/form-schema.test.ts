import { describe, expect, test } from 'vitest';
import { formSchemaOf } from '../../../console/src/waiting/form-schema.ts';

const schemaOf = (schema: unknown) => formSchemaOf(schema, 'Answer')?.schema;

describe('the form of a JSON Schema', () => {
  test('has a field for each property, named by its title or its name', () => {
    const form = formSchemaOf(
      {
        type: 'object',
        properties: {
          name: { type: 'string', title: 'Your name', pattern: '(a+)+$' },
          age: { type: ['integer', 'null'], minimum: 0 },
          agreed: { type: 'boolean' },
          tags: { type: 'array', items: { enum: ['a', 'b'] } },
        },
        required: ['name', 'other'],
      },
      'Answer',
    );
    expect(form?.schema).toMatchObject({
      type: 'object',
      required: ['name'],
      properties: {
        name: { type: 'string', title: 'Your name' },
        age: { type: 'integer', minimum: 0, title: 'age' },
        agreed: { type: 'boolean' },
        tags: { type: 'array', uniqueItems: true },
      },
    });
    expect(JSON.stringify(form)).not.toContain('(a+)+$');
    expect(form?.uiSchema).toMatchObject({ agreed: { 'ui:widget': 'radio' }, tags: { 'ui:widget': 'checkboxes' } });
  });

  test('shows choices as radio buttons, or as a list if they are many', () => {
    const choices = formSchemaOf({ enum: ['red', 'blue'] }, 'Answer');
    expect(choices).toMatchObject({
      schema: { title: 'Answer', oneOf: [{ const: 'red', title: 'red' }, { const: 'blue' }] },
      uiSchema: { 'ui:widget': 'radio' },
    });
    expect(formSchemaOf({ enum: Array.from({ length: 50 }, (_, index) => index) }, 'Answer')?.uiSchema).toEqual({});
    const titled = { type: 'string', enum: ['r', 'b'], enumNames: ['Red', 'Blue'] };
    expect(schemaOf(titled)?.oneOf).toEqual([
      { const: 'r', title: 'Red' },
      { const: 'b', title: 'Blue' },
    ]);
    expect(schemaOf({ oneOf: [{ const: 'r', title: 'Red' }, { const: 'b' }] })?.oneOf).toEqual([
      { const: 'r', title: 'Red' },
      { const: 'b', title: 'b' },
    ]);
  });

  test('replaces references, and takes null for an empty field', () => {
    const colour = { $defs: { 'a/b': { type: 'string', description: 'a colour' } }, $ref: '#/$defs/a~1b' };
    expect(schemaOf(colour)).toMatchObject({ type: 'string', description: 'a colour', title: 'Answer' });
    expect(schemaOf({ anyOf: [{ type: 'number' }, { type: 'null' }], title: 'Size' })).toMatchObject({
      type: 'number',
      title: 'Size',
    });
  });

  test('B93: writes out characters that nobody sees', () => {
    const hostile = { type: 'object', properties: { 'a\u202eb': { enum: ['pay\u200bpal'], description: '\u2066x' } } };
    const text = JSON.stringify(schemaOf(hostile));
    for (const shown of ['a⟦U+202E⟧b', 'pay⟦U+200B⟧pal', '⟦U+2066⟧x']) expect(text).toContain(`"${shown}"`);
  });

  test('is refused where a form cannot express what is allowed', () => {
    for (const schema of [
      undefined,
      true,
      {},
      { type: 'object' },
      { type: ['string', 'number'] },
      { type: 'array' },
      { type: 'object', properties: { any: {} } },
      { $ref: 'https://example.com/schema' },
      { $ref: '#/$defs/missing' },
      { $ref: '#/constructor' },
      { allOf: [{ type: 'string' }] },
      JSON.parse('{"type":"object","properties":{"__proto__":{"type":"string"}}}'),
    ]) {
      expect(schemaOf(schema)).toBeUndefined();
    }
  });

  test('is refused for a short schema that stands for millions of fields, or for endless ones', () => {
    const doubled = Object.fromEntries(
      Array.from({ length: 40 }, (_, index) => {
        const next = { $ref: `#/$defs/d${index + 1}` };
        return [`d${index}`, { type: 'object', properties: { a: next, b: next } }];
      }),
    );
    expect(schemaOf({ $defs: { ...doubled, d40: { type: 'string' } }, $ref: '#/$defs/d0' })).toBeUndefined();
    expect(schemaOf({ $ref: '#' })).toBeUndefined();
    expect(schemaOf({ type: 'array', items: { $ref: '#' } })).toBeUndefined();
    let deep: object = { type: 'string' };
    for (let level = 0; level < 5_000; level += 1) deep = { type: 'array', items: deep };
    expect(schemaOf(deep)).toBeUndefined();
  });

  test('has no default that fills memory', () => {
    expect(JSON.stringify(schemaOf({ type: 'array', minItems: 1e9, items: { type: 'string' } }))).not.toContain(
      '1000000000',
    );
  });
});
