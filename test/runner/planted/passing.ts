import { test } from 'vitest';

test('the planted test', () => undefined);
