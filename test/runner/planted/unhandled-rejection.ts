import { inject, test } from 'vitest';

test('the planted test', () => {
  void Promise.reject(new Error(`the planted rejection in ${inject('plantedIn')}`));
});
