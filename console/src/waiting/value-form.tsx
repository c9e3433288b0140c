import { lazy, Suspense, useMemo, useState } from 'react';
import { JsonInput } from '../parts/json-input.tsx';
import { Skeleton } from '../parts/status.tsx';
import { formSchemaOf } from './form-schema.ts';

const SchemaForm = lazy(() => import('./schema-form.tsx').then((loaded) => ({ default: loaded.SchemaForm })));

interface ValueFormProps {
  /** JSON Schema of another party. */
  schema: unknown;
  label: string;
  value: unknown;
  /** Undefined while there is no value. */
  onChange(value: unknown): void;
}

/** A value that a JSON Schema describes: in a form, or as JSON where a form is not possible or not wanted. */
export function ValueForm({ schema, label, value, onChange }: ValueFormProps) {
  const form = useMemo(() => formSchemaOf(schema, label), [schema, label]);
  const [isJson, setJson] = useState(form === null);
  return (
    <div className="value-form">
      {isJson || form === null ? (
        <JsonInput label={`${label}, as JSON`} value={value} onChange={onChange} />
      ) : (
        <Suspense fallback={<Skeleton rows={3} />}>
          <SchemaForm form={form} value={value} onChange={onChange} />
        </Suspense>
      )}
      {form !== null && (
        <button type="button" className="link" onClick={() => setJson(!isJson)}>
          {isJson ? 'Use the form' : 'Write JSON'}
        </button>
      )}
    </div>
  );
}
