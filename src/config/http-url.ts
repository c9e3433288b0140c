import { z } from 'zod';

export const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' });

/** @param advice where a user name and a password go instead */
export function urlWithoutCredentials(advice: string) {
  return httpUrl.refine((text) => !hasCredentials(text), {
    error: `must not contain a user name or a password. ${advice}`,
  });
}

function hasCredentials(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return username !== '' || password !== '';
}
