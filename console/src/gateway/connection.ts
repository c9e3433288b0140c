import { createClient } from '@runtape/client';

const TOKEN = 'runtape-token';

/** The token lives as long as the tab, and is never part of an address. */
export function signIn(token: string): void {
  sessionStorage.setItem(TOKEN, token);
  location.reload();
}

export function signOut(): void {
  sessionStorage.removeItem(TOKEN);
  location.reload();
}

export const hasToken = () => sessionStorage.getItem(TOKEN) !== null;

/** The only connection of the page to its gateway. */
export const client = createClient({
  url: new URL('/graphql', location.href),
  token: () => sessionStorage.getItem(TOKEN),
});
