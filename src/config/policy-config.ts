import { z } from 'zod';

/** The part of the configuration file that is about policy. */
export const policyConfigSchema = z.object({
  policyFile: z.string().min(1).optional().describe('Cedar policies in the place of the built-in ones'),
});
