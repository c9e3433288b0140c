import { test } from 'vitest';

// biome-ignore lint/suspicious/noFocusedTests: this is the planted fault.
test.only('the planted test', () => undefined);
